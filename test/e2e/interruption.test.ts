/** @file A run that is interrupted, by signal or by force at any moment, goes on to the same result bit for bit. */

import { existsSync, watch } from "node:fs";
import { copyFile, cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../src/data/index.js";
import type { Report } from "../../src/report/report.js";
import { configText, golden, limbeck, makeWorkFolder, type Started, startLimbeck } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
const at = (...parts: string[]) => join(folder.path, ...parts);

/** Evaluations, checkpoints, best weights and the twin all come up often. */
const changes = {
  teacher: { model: "teacher" },
  data: { train: "rows.jsonl", heldOutFraction: 0.2, shuffle: true },
  training: {
    epochs: undefined,
    steps: 24,
    schedule: "cosine",
    warmupSteps: 4,
    microBatchTokens: 64,
    evaluateEvery: 3,
    checkpointEvery: 4,
    twin: true,
  },
};

/** A run's words; the first start of a folder is no resume. */
const words = (output: string) => {
  const isBegun = existsSync(at(output, "config.yaml"));
  return ["run", "config.yaml", "--json", "--output", output, ...(isBegun ? ["--resume"] : [])];
};
const start = (output: string): Started => startLimbeck(words(output), { cwd: folder.path });
const runToEnd = (output: string) => limbeck(words(output), { cwd: folder.path });

/** All that two runs of one config share: weights, moments, and metrics but for their rates. */
async function resultOf(output: string): Promise<Record<string, unknown>> {
  const result: Record<string, unknown> = {};
  for (const run of [output, join(output, "twin")]) {
    const name = run === output ? "student" : "twin";
    const lines = (await readFile(at(run, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
    result[`${name} metrics`] = lines.map((line) => ({ ...JSON.parse(line), tokensPerSecond: undefined }));
    result[`${name} files`] = [await readdir(at(run)), await readdir(at(run, "checkpoints"))];
    const checkpoint = "step-000024";
    for (const file of ["weights", "first-moments", "second-moments"]) {
      result[`${name} ${file}`] = await readFile(at(run, "checkpoints", checkpoint, `${file}.safetensors`), "base64");
    }
    result[`${name} model`] = await readFile(at(run, "student/model.safetensors"), "base64");
  }
  const report = JSON.parse(await readFile(at(output, "report.json"), "utf8")) as Report;
  result.report = report.models.map(({ role, perplexity, klFromTeacher }) => ({ role, perplexity, klFromTeacher }));
  return result;
}

/** Names the parts that differ, where comparing whole files would print them. */
async function expectSameAsWhole(output: string): Promise<void> {
  const [own, whole] = [await resultOf(output), await resultOf("whole")];
  expect(own["student metrics"]).toEqual(whole["student metrics"]);
  expect(Object.keys(whole).filter((part) => JSON.stringify(own[part]) !== JSON.stringify(whole[part]))).toEqual([]);
}

beforeAll(async () => {
  folder = await makeWorkFolder();
  await copyFile(`${golden}training/rows.jsonl`, at("rows.jsonl"));
  await cp(`${golden}training/teacher`, at("teacher"), { recursive: true });
  await writeFile(at("config.yaml"), configText(changes));
  const { code, stderr } = await runToEnd("whole");
  expect(code, stderr).toBe(0);
});
afterAll(() => folder.remove());

describe("limbeck run, interrupted", () => {
  it("writes a checkpoint on Ctrl-C, exits 130, and goes on to the same result", async () => {
    for (const steps of [7, 8]) {
      const run = start("signalled");
      await run.printed('"type":"step"', steps);
      run.process.kill("SIGINT");
      const { code, stderr } = await run.ended;
      expect(code, stderr).toBe(130);
      expect(stderr).toContain("error[INTERRUPTED]");
      expect(stderr).toContain("Go on with: limbeck run config.yaml --output signalled --resume");
      expect(await readdir(at("signalled/checkpoints"))).toContainEqual(expect.stringMatching(/^step-\d{6}$/));
    }
    const { code, stdout, stderr } = await runToEnd("signalled");
    expect(code, stderr).toBe(0);
    expect(stdout).not.toContain('"run":"student","steps":24,"step":1,');
    await expectSameAsWhole("signalled");
  });

  it("stops in order where Ctrl-C reaches the process that measures speed, too", async () => {
    const more = ["--set", "training.steps=5", "--set", "training.twin=false"];
    const run = startLimbeck([...words("grouped"), ...more], { cwd: folder.path, asGroup: true });
    await run.printed('"type":"checkpoint"', 2);
    await new Promise((resolve) => setTimeout(resolve, 150));
    process.kill(-run.process.pid!, "SIGINT");
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain("error[INTERRUPTED]");
  });

  it("quits at once on a second Ctrl-C, in the middle of a step", async () => {
    await writeFile(at("slow.yaml"), configText({ training: { ...changes.training, epochs: 300, steps: undefined } }));
    const more = ["tokensPerStep=768", "microBatchTokens=768", "evaluateEvery=null", "checkpointEvery=null"];
    const flags = more.flatMap((setting) => ["--set", `training.${setting}`]);
    const run = startLimbeck(["run", "slow.yaml", "--json", "--output", "impatient", ...flags], { cwd: folder.path });
    await run.printed('"type":"step"', 5);
    run.process.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 2));
    run.process.kill("SIGINT");
    const { code, signal, stderr } = await run.ended;
    // A shell reports both as 130.
    expect(signal === "SIGINT" || code === 130, `code ${code}, signal ${signal}: ${stderr.slice(-300)}`).toBe(true);
    expect(stderr).not.toContain("error[INTERRUPTED]");
  });

  it("goes on to the same result after kill -9 at random moments", async () => {
    const random = createRandom(20250101);
    for (let kill = 0; kill < 4; kill++) {
      const run = start("killed");
      if (kill > 0) await run.printed('"phase":"training"');
      const timer = setTimeout(() => run.process.kill("SIGKILL"), random.nextBelow(900));
      await run.ended;
      clearTimeout(timer);
    }
    const { code, stderr } = await runToEnd("killed");
    expect(code, stderr).toBe(0);
    await expectSameAsWhole("killed");
  });

  it("goes on to the same result after kill -9 while it writes, trains the twin and measures", async () => {
    const moments: readonly ((run: Started) => Promise<void>)[] = [
      (run) => written(run, "training", "checkpoints", /^\.best\..*tmp$/, 2),
      (run) => written(run, "training", "checkpoints", /^\.step-.*tmp$/, 3),
      (run) => written(run, "training", "checkpoints", /^\.best\..*old$/),
      (run) => written(run, "twin", "twin", /^\.student\..*tmp$/),
      (run) => run.printed('"phase":"evaluating"', 3),
    ];
    for (const moment of moments) {
      const run = start("watched");
      await moment(run);
      run.process.kill("SIGKILL");
      const { signal, stderr } = await run.ended;
      expect(signal, stderr).toBe("SIGKILL");
    }
    const { code, stderr } = await runToEnd("watched");
    expect(code, stderr).toBe(0);
    await expectSameAsWhole("watched");
  });

  /** Resolves when the run has begun to write a file of this name this many times. */
  async function written(run: Started, phase: string, place: string, name: RegExp, times = 1): Promise<void> {
    await run.printed(`"phase":"${phase}"`);
    await mkdir(at("watched", place), { recursive: true });
    const watcher = watch(at("watched", place));
    const seen = new Set<string>();
    await new Promise<void>((resolve) => {
      watcher.on("change", (_, file) => {
        if (name.test(String(file))) seen.add(String(file));
        if (seen.size >= times) resolve();
      });
      void run.ended.then(() => resolve());
    });
    watcher.close();
  }
});

describe("limbeck run --resume", () => {
  const resume = (...more: string[]) =>
    limbeck(["run", "config.yaml", "--output", "whole", "--resume", ...more], { cwd: folder.path });

  it("refuses another config, and names every key that differs", async () => {
    const { code, stderr } = await resume("--set", "training.learningRate=0.5", "--set", "objective.soft.weight=0.7");
    expect(code).toBe(1);
    expect(stderr).toContain("error[RESUME]");
    expect(stderr).toContain("objective.soft.weight (0.8 then, 0.7 now)");
    expect(stderr).toContain("training.learningRate (0.001 then, 0.5 now)");
  });

  it("refuses other training data", async () => {
    const rows = await readFile(at("rows.jsonl"), "utf8");
    await writeFile(at("rows.jsonl"), rows.replace("91,33,41", "91,33,42"));
    const { code, stderr } = await resume();
    await writeFile(at("rows.jsonl"), rows);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /error\[RESUME\]: output: the run in "whole" was started with another (training|held-out) data/,
    );
  });

  it("refuses another teacher", async () => {
    const weights = await readFile(at("teacher/model.safetensors"));
    const other = Buffer.from(weights);
    other.writeFloatLE(0.25, other.length - 4);
    await writeFile(at("teacher/model.safetensors"), other);
    const { code, stderr } = await resume();
    await writeFile(at("teacher/model.safetensors"), weights);
    expect(code).toBe(1);
    expect(stderr).toContain('error[RESUME]: output: the run in "whole" was started with another teacher');
  });

  it("refuses a folder without a run", async () => {
    const { code, stderr } = await limbeck(["run", "config.yaml", "--output", "none", "--resume"], {
      cwd: folder.path,
    });
    expect(code).toBe(1);
    expect(stderr).toContain('error[NOTHING_TO_RESUME]: output: "none" must hold a run to resume, got none.');
  });
});
