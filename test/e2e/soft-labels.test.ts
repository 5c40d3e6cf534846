/** @file A whole run of `soft-labels` by the built program: its folder, its numbers against PyTorch's, its report, its student. */

import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScoreResult, score } from "../../src/evaluate/score.js";
import type { Report } from "../../src/report/report.js";
import { reportText } from "../../src/report/terminal.js";
import type { EvaluationLine, StepLine } from "../../src/training/metrics.js";
import { configText, type Ended, golden, limbeck, makeWorkFolder } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
let ended: Ended;

interface GoldenRun {
  readonly name: string;
  readonly steps: readonly StepLine[];
}

/** Rows of random ids, as the golden rows are; the second half of each is learned. */
const heldOut = Array.from({ length: 10 }, (_, row) => ({
  tokenIds: Array.from({ length: 30 }, (_, i) => 3 + ((row * 7919 + i * i * 31 + i * 17 + row * i * 13) % 93)),
  responseMask: Array.from({ length: 30 }, (_, i) => (i < 15 ? 0 : 1)),
}));

beforeAll(async () => {
  folder = await makeWorkFolder();
  await writeFile(join(folder.path, "held-out.jsonl"), heldOut.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const data = { heldOut: "held-out.jsonl", heldOutFraction: undefined };
  await writeFile(join(folder.path, "whole.yaml"), configText({ data, training: { evaluateEvery: 4, twin: true } }));
  await writeFile(join(folder.path, "four.yaml"), configText({ training: { microBatchTokens: 32 }, output: "four" }));
  ended = await limbeck(["run", "whole.yaml"], { cwd: folder.path });
});
afterAll(() => folder.remove());

const read = (path: string) => readFile(join(folder.path, path), "utf8");
const readReport = async () => JSON.parse(await read("run/report.json")) as Report;

async function readSteps(path: string): Promise<{ steps: StepLine[]; evaluations: EvaluationLine[] }> {
  const lines = (await read(path))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as StepLine | EvaluationLine);
  const isStep = (line: StepLine | EvaluationLine): line is StepLine => "loss" in line;
  return { steps: lines.filter(isStep), evaluations: lines.filter((line): line is EvaluationLine => !isStep(line)) };
}

async function expectPyTorchSteps(path: string): Promise<void> {
  const { runs } = JSON.parse(await readFile(`${golden}training.json`, "utf8")) as { runs: readonly GoldenRun[] };
  const expected = runs.find(({ name }) => name === "llama")!.steps;
  const { steps } = await readSteps(path);
  expect(steps.map(({ step }) => step)).toEqual(expected.map(({ step }) => step));
  const columns: readonly ((line: StepLine) => number)[] = [
    ({ loss }) => loss,
    ({ terms }) => terms.soft!,
    ({ terms }) => terms.hard!,
    ({ gradientNorm }) => gradientNorm,
    ({ learningRate }) => learningRate,
  ];
  for (const column of columns) expect(steps.map(column)).toBeAllClose(expected.map(column), { relative: 1e-3 });
}

describe("limbeck run of soft-labels", () => {
  it("ends with exit code 0", () => {
    expect(ended.code, ended.stderr).toBe(0);
  });

  it("leaves the files of a run directory, and nothing else", async () => {
    const files = [
      "checkpoints",
      "config.yaml",
      "manifest.json",
      "metrics.jsonl",
      "report.html",
      "report.json",
      "student",
    ];
    expect((await readdir(join(folder.path, "run"))).sort()).toEqual([...files, "twin"]);
    expect((await readdir(join(folder.path, "run/twin"))).sort()).toEqual(["checkpoints", "metrics.jsonl", "student"]);
    for (const run of ["run", "run/twin"]) {
      expect(await readdir(join(folder.path, run, "checkpoints"))).toEqual(["step-000012"]);
      expect((await readdir(join(folder.path, run, "student"))).sort()).toEqual(["config.json", "model.safetensors"]);
    }
  });

  it("writes a resolved config that makes the same run again", async () => {
    const checked = await limbeck(["check", "run/config.yaml", "--set", "output=elsewhere"], { cwd: folder.path });
    expect(checked.code, checked.stderr).toBe(0);
    expect(await read("run/config.yaml")).toContain("microBatchTokens: 128");
    expect(checked.stdout).toMatch(/memory +about \d+ MB of this machine's/);
    expect(checked.stdout).toMatch(
      /time +about [\d.]+\s+s:\s+preparation\s+[\d.]+\s+s,\s+training\s+[\d.]+\s+s,\s+twin\s+[\d.]+\s+s,\s+evaluation\s+[\d.]+\s+s,\s+report\s+[\d.]+\s+s/,
    );
  });

  it("follows PyTorch's twelve steps to 1e-3", () => expectPyTorchSteps("run/metrics.jsonl"));

  it("follows them in four micro-batches per step, too", async () => {
    const { code, stderr } = await limbeck(["run", "four.yaml"], { cwd: folder.path });
    expect(code, stderr).toBe(0);
    await expectPyTorchSteps("four/metrics.jsonl");
  });

  it("brings the held-out KL down by at least a tenth, and the twin's by less", async () => {
    const course = async (path: string) =>
      (await readSteps(path)).evaluations.map(({ evaluation }) => evaluation.klTeacherStudent!);
    const student = await course("run/metrics.jsonl");
    const twin = await course("run/twin/metrics.jsonl");
    expect(student).toHaveLength(4);
    expect(student.at(-1)! / student[0]!).toBeLessThan(0.9);
    expect(twin[0]).toBe(student[0]);
    expect(student.at(-1)!).toBeLessThan(twin.at(-1)!);
  });

  it("prints the table of report.json", async () => {
    expect(ended.stdout).toContain(reportText(await readReport()));
  });

  it("reports every role, and the gain over the twin", async () => {
    const { models, gainOverTwin, history, data } = await readReport();
    expect(models.map(({ role }) => role)).toEqual(["teacher", "student-before", "student-after", "twin"]);
    expect(gainOverTwin).not.toBeNull();
    expect(history.student.keptStep).toBe(12);
    expect(data.heldOut).toMatchObject({ rows: 10, tokens: 300, responseTokens: 150 });
  });

  it("writes a student that scores held-out rows as the report says", async () => {
    let [total, count] = [0, 0];
    for (const { tokenIds, responseMask } of heldOut) {
      const { tokens } = await score(join(folder.path, "run/student"), { ids: tokenIds }, { threads: 1 });
      for (const [i, { logProb }] of tokens.entries()) {
        if (responseMask[i] === 1) [total, count] = [total + logProb!, count + 1];
      }
    }
    const { models } = await readReport();
    const { perplexity } = models.find(({ role }) => role === "student-after")!;
    expect([Math.exp(-total / count)]).toBeAllClose([perplexity!.value], { relative: 1e-4 });
  });

  it("writes a student that limbeck score loads", async () => {
    const ids = heldOut[0]!.tokenIds;
    const words = ["score", "run/twin/student", "--ids", ids.join(","), "--json"];
    const { code, stdout, stderr } = await limbeck(words, { cwd: folder.path });
    expect(code, stderr).toBe(0);
    expect((JSON.parse(stdout) as ScoreResult).tokens.map(({ id }) => id)).toEqual(ids);
  });

  it("refuses to run a second time over the first, and changes nothing", async () => {
    const files = ["config.yaml", "manifest.json", "metrics.jsonl", "report.json", "student/model.safetensors"];
    const contents = () => Promise.all(files.map((file) => readFile(join(folder.path, "run", file), "base64")));
    const before = await contents();
    const { code, stderr } = await limbeck(["run", "whole.yaml"], { cwd: folder.path });
    expect(code).toBe(1);
    expect(stderr).toContain(
      'error[OCCUPIED]: output: "run" must be new or empty, got a folder that holds another run.',
    );
    expect(await contents()).toEqual(before);
  });

  it("goes on with a finished run by making the report again, of the same student", async () => {
    const before = [
      await read("run/metrics.jsonl"),
      await readFile(join(folder.path, "run/student/model.safetensors"), "base64"),
    ];
    const models = (await readReport()).models.map(({ perplexity }) => perplexity);
    const { code, stderr } = await limbeck(["run", "whole.yaml", "--resume"], { cwd: folder.path });
    expect(code, stderr).toBe(0);
    const after = [
      await read("run/metrics.jsonl"),
      await readFile(join(folder.path, "run/student/model.safetensors"), "base64"),
    ];
    expect(after).toEqual(before);
    expect((await readReport()).models.map(({ perplexity }) => perplexity)).toEqual(models);
  });

  it("learns from several teachers at once, and compares the student with their mixture", async () => {
    const mixWith = [{ model: `${golden}training/student-qwen2`, weight: 3 }];
    const teacher = { model: `${golden}training/teacher`, mixWith };
    const data = { heldOut: "held-out.jsonl", heldOutFraction: undefined };
    const config = configText({ teacher, data, output: "mixed" });
    await writeFile(join(folder.path, "mixed.yaml"), config);
    const { code, stderr } = await limbeck(["run", "mixed.yaml"], { cwd: folder.path });
    expect(code, stderr).toBe(0);
    const { models } = JSON.parse(await read("mixed/report.json")) as Report;
    const [mixture, before, after] = models;
    expect(mixture).toMatchObject({ role: "teacher", name: "teacher + student-qwen2" });
    expect(after!.klFromTeacher!.mean.value).toBeLessThan(before!.klFromTeacher!.mean.value);
    const alone = (await readReport()).models[0]!;
    expect(mixture!.parameters).toBeGreaterThan(alone.parameters);
    expect(mixture!.perplexity!.value).not.toBe(alone.perplexity!.value);

    const evaluated = await limbeck(["evaluate", "mixed", "--json"], { cwd: folder.path });
    expect(evaluated.code, evaluated.stderr).toBe(0);
    const again = JSON.parse(evaluated.stdout) as { student: Report["models"][number] };
    const klOf = ({ klFromTeacher }: Report["models"][number]) => klFromTeacher!.mean.value;
    expect([klOf(again.student)]).toBeAllClose([klOf(after!)], { relative: 1e-4 });

    const feature = { hidden: { kind: "feature", feature: "hidden-mse", weight: 1 } };
    await writeFile(join(folder.path, "refused.yaml"), configText({ teacher, cache: {}, objective: feature }));
    const refused = await limbeck(["check", "refused.yaml"], { cwd: folder.path });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/cache \(line \d+\): expected no cache, because it holds what one teacher says/);
    expect(refused.stderr).toMatch(/objective\.hidden \(line \d+\): expected no hidden-mse/);
  });

  it("leaves no folder behind when it fails before training", async () => {
    const { code } = await limbeck(["run", "whole.yaml", "--output", "other", "--set", "data.train=none.jsonl"], {
      cwd: folder.path,
    });
    expect(code).toBe(1);
    expect(existsSync(join(folder.path, "other"))).toBe(false);
  });
});
