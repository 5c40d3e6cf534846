/** @file A whole run of `weak-to-strong` by the built program: weak teacher, students, ceiling, and the gap that its report states. */

import { existsSync } from "node:fs";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { Report } from "../../src/report/report.js";
import { reportText } from "../../src/report/terminal.js";
import type { StepLine } from "../../src/training/metrics.js";
import { golden, limbeck, makeWorkFolder, startLimbeck } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
const at = (...parts: string[]) => join(folder.path, ...parts);
const read = (...parts: string[]) => readFile(at(...parts), "utf8");

/** Text of a simple rule: from an id follows the one three on, but now and then another. Strong models learn it best. */
const rows = Array.from({ length: 40 }, (_, row) => {
  const tokenIds = [3 + (row % 20)];
  for (let i = 1; i < 24; i++) {
    const isOdd = (row * 31 + i * 17) % 11 === 0;
    tokenIds.push(3 + ((tokenIds[i - 1]! - 3 + (isOdd ? 7 : 3)) % 60));
  }
  return { tokenIds, isTrue: row % 3 === 0 };
});

const training = {
  steps: 12,
  tokensPerStep: 128,
  learningRate: 1e-2,
  schedule: "constant",
  evaluateEvery: 4,
  checkpointEvery: 3,
};
const shape = (hiddenSize: number) => ({
  layers: 1,
  hiddenSize,
  heads: 2,
  feedForwardSize: 2 * hiddenSize,
  vocabSize: 96,
});

const base = {
  recipe: "weak-to-strong",
  weak: { shape: shape(8), tokenizer: "models", train: "weak.jsonl" },
  student: { shape: shape(32), tokenizer: "models" },
  weakLabels: { weight: 1, curve: [0, 0.5, 1] },
  groundTruth: { rows: { field: "isTrue" } },
  data: { train: "train.jsonl", heldOut: "held-out.jsonl", sequenceLength: 32 },
  training,
  threads: 1,
  output: "run",
};

async function run(name: string, changes: object, ...words: string[]) {
  await writeFile(at(`${name}.yaml`), stringify({ ...base, ...changes, output: name }));
  return limbeck(["run", `${name}.yaml`, ...words], { cwd: folder.path });
}

const reportOf = async (name: string) => JSON.parse(await read(name, "report.json")) as Report;
const weightsOf = (...parts: string[]) => readFile(at(...parts, "student/model.safetensors"), "base64");
const stepsOf = async (...parts: string[]) =>
  (await read(...parts, "metrics.jsonl"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as StepLine)
    .filter((line) => "loss" in line);

beforeAll(async () => {
  folder = await makeWorkFolder();
  // A folder that any tokenizer could be in; rows of ids need none.
  await cp(`${golden}training/teacher`, at("models"), { recursive: true });
  const lines = (from: number, to: number) =>
    rows
      .slice(from, to)
      .map((row) => `${JSON.stringify(row)}\n`)
      .join("");
  await writeFile(at("weak.jsonl"), lines(0, 6));
  await writeFile(at("train.jsonl"), lines(6, 32));
  await writeFile(at("held-out.jsonl"), lines(32, 40));
  const { code, stderr } = await run("run", {});
  expect(code, stderr).toBe(0);
});
afterAll(() => folder.remove());

describe("limbeck run of weak-to-strong", () => {
  it("trains weak teacher, student, students at other weights and ceiling, each in its folder", async () => {
    expect((await readdir(at("run"))).sort()).toEqual([
      "ceiling",
      "checkpoints",
      "config.yaml",
      "manifest.json",
      "metrics.jsonl",
      "report.html",
      "report.json",
      "student",
      "weak",
      "weight-0",
      "weight-0.5",
    ]);
  });

  it("states a gap that can be computed by hand from three evaluations", async () => {
    const loss = async (path: string) => {
      const words = ["evaluate", path, "--data", "held-out.jsonl", "--json"];
      const { code, stdout, stderr } = await limbeck(words, { cwd: folder.path });
      expect(code, stderr).toBe(0);
      return Math.log((JSON.parse(stdout) as { student: { perplexity: { value: number } } }).student.perplexity.value);
    };
    const [weak, student, ceiling] = [
      await loss("run/weak/student"),
      await loss("run/student"),
      await loss("run/ceiling/student"),
    ];
    const { weakToStrong } = await reportOf("run");
    const { students, gap } = weakToStrong!;
    expect([weakToStrong!.weak.loss.value, students[0]!.loss.value, weakToStrong!.ceiling.loss.value]).toBeAllClose(
      [weak, student, ceiling],
      { relative: 1e-5 },
    );
    expect(ceiling).toBeLessThan(weak);
    expect(gap.loss.value).toBeCloseTo(weak - ceiling, 5);
    expect(students[0]!.recovered.loss!.value).toBeCloseTo(Math.max(0, (weak - student) / (weak - ceiling)), 4);
  });

  it("reports every weight, the rows with ground truth, and accuracies as shares", async () => {
    const { weakToStrong } = await reportOf("run");
    expect(weakToStrong!.students.map(({ weakWeight }) => weakWeight)).toEqual([1, 0, 0.5]);
    expect(weakToStrong).toMatchObject({
      trainingRows: 26,
      groundTruthRows: rows.slice(6, 32).filter(({ isTrue }) => isTrue).length,
    });
    for (const { accuracy, recovered } of weakToStrong!.students) {
      expect(accuracy.value).toBeGreaterThan(0);
      expect(accuracy.value).toBeLessThanOrEqual(1);
      expect(recovered.loss!.value).toBeGreaterThanOrEqual(0);
    }
  });

  it("shows them in the page and in the terminal", async () => {
    expect(await read("run/report.html")).toContain("Weak to strong");
    const lines = reportText(await reportOf("run")).split("\n");
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    for (const name of ["weak teacher", "student, λ = 0.5", "the student, λ = 1", "ceiling"]) {
      expect(lines.filter((line) => line.startsWith(name))).toHaveLength(1);
    }
  });

  it("learns from ground truth alone at λ = 0: plain fine-tuning, bit for bit", async () => {
    const changes = { weakLabels: { weight: 0 }, groundTruth: { rows: "all" } };
    const { code, stderr } = await run("zero", changes);
    expect(code, stderr).toBe(0);
    const { weak: _, weakLabels: __, groundTruth: ___, ...rest } = base;
    await writeFile(at("plain.yaml"), stringify({ ...rest, recipe: "pretrain", output: "plain" }));
    const plain = await limbeck(["run", "plain.yaml"], { cwd: folder.path });
    expect(plain.code, plain.stderr).toBe(0);
    expect((await weightsOf("zero")) === (await weightsOf("plain"))).toBe(true);
    expect((await weightsOf("zero", "ceiling")) === (await weightsOf("plain"))).toBe(true);
    expect((await stepsOf("zero")).every(({ terms }) => Object.keys(terms).join() === "hard")).toBe(true);
  });

  it("has a KL of 0 at the first step where weak and strong are one model", async () => {
    const model = { model: `${golden}training/student-llama` };
    const { code, stderr } = await run("same", { weak: model, student: model, groundTruth: {}, weakLabels: {} });
    expect(code, stderr).toBe(0);
    const [first] = await stepsOf("same");
    expect(Math.abs(first!.terms.soft!)).toBeLessThan(1e-6);
  });

  it("claims no gap where the strong model is weaker than the weak one", async () => {
    const changes = {
      weak: { model: "run/ceiling/student" },
      training: { ...training, steps: 2, learningRate: 1e-5 },
      weakLabels: {},
    };
    const { code, stdout, stderr } = await run("weaker", changes);
    expect(code, stderr).toBe(0);
    expect(stdout.replace(/\s+/g, " ")).toContain("In loss there is no gap to recover, and none is claimed");
    const { weakToStrong } = await reportOf("weaker");
    expect(weakToStrong!.gap.loss.value).toBeLessThan(0);
    expect(weakToStrong!.students[0]!.recovered.loss).toBeNull();
  });

  it("warms the confidence term up, and takes hard labels", async () => {
    const changes = {
      weakLabels: { kind: "both", weight: 2 },
      confidence: { weight: 0.5, warmupFraction: 0.5 },
    };
    const { code, stderr } = await run("sure", changes);
    expect(code, stderr).toBe(0);
    const steps = await stepsOf("sure");
    const weights = steps.map(({ weights }) => [weights!.soft!, weights!.weakHard!, weights!.confidence!]);
    const share = (step: number) => Math.min(1, step / 6) * 0.5;
    const expected = steps.map(({ step }) => [1 - share(step), 1 - share(step), 2 * share(step)]);
    expect(weights.flat()).toBeAllClose(expected.flat(), { relative: 1e-6 });
  });

  it("goes on after an interruption of any of its models to the same result", async () => {
    const moments = [
      ['"run":"weak"', 5],
      ['"run":"student"', 5],
      ['"run":"weight 0.5"', 7],
      ['"run":"ceiling"', 4],
    ] as const;
    for (const [text, times] of moments) {
      const isBegun = existsSync(at("again/config.yaml"));
      const words = ["run", "run.yaml", "--output", "again", "--json", ...(isBegun ? ["--resume"] : [])];
      const started = startLimbeck(words, { cwd: folder.path });
      await started.printed(text, times);
      started.process.kill("SIGINT");
      const { code, stderr } = await started.ended;
      expect(code, stderr).toBe(130);
    }
    const { code, stderr } = await limbeck(["run", "run.yaml", "--output", "again", "--resume"], { cwd: folder.path });
    expect(code, stderr).toBe(0);
    for (const model of ["weak", ".", "weight-0", "weight-0.5", "ceiling"]) {
      expect((await weightsOf("again", model)) === (await weightsOf("run", model)), model).toBe(true);
    }
    expect((await reportOf("again")).weakToStrong).toEqual((await reportOf("run")).weakToStrong);
  });
});

describe("limbeck run of weak-to-strong refuses", () => {
  it.each([
    ["λ = 0 without ground truth", { groundTruth: {}, weakLabels: { weight: 0 } }, "nothing else is learned"],
    [
      "a schedule beside confidence",
      { confidence: {}, weakLabels: { weight: { from: 0, to: 1, steps: 3 } } },
      "got a schedule",
    ],
    ["an untrained weak teacher", { weak: { shape: shape(8) } }, "random weights has nothing to teach"],
    ["a strong student from its teacher", { student: { from: "teacher" } }, "no part of its weak teacher"],
    ["a field that no row has", { groundTruth: { rows: { field: "isTru" } } }, 'expected "isTru" to be true'],
    [
      "nothing held out",
      { data: { train: "train.jsonl", heldOutFraction: 0, sequenceLength: 32 } },
      "expected held-out rows",
    ],
  ])("%s, and writes nothing", async (_, changes, message) => {
    const { code, stderr } = await run("refused", changes);
    expect(code).toBeGreaterThan(0);
    expect(stderr.replace(/\s+/g, " ")).toContain(message);
    expect(existsSync(at("refused"))).toBe(false);
  });
});
