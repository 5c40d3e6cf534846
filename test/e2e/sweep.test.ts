/** @file Sweeps by the built program: ranked trials, one that fails, the teacher asked once, interruption, halving. */

import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SweepReport } from "../../src/report/sweep-report.js";
import { configText, type Ended, golden, limbeck, makeWorkFolder, startLimbeck } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
let ended: Ended;

const at = (...parts: string[]) => join(folder.path, ...parts);
const sweep = (...words: string[]) => limbeck(["sweep", "config.yaml", ...words], { cwd: folder.path });
const readSweep = async (output: string) => JSON.parse(await readFile(at(output, "sweep.json"), "utf8")) as SweepReport;
const readWeights = (...parts: string[]) => readFile(at(...parts, "student", "model.safetensors"));

const students = `student.model=${golden}training/student-llama,/nowhere`;
const grid = ["--over", "training.learningRate=1e-4,1e-2", "--over", students, "--output", "grid"];

beforeAll(async () => {
  folder = await makeWorkFolder();
  const training = { epochs: undefined, steps: 8, tokensPerStep: 64, checkpointEvery: 2, twin: true };
  await writeFile(at("config.yaml"), configText({ data: { heldOutFraction: 0.3 }, training }));
  ended = await sweep(...grid);
});
afterAll(() => folder.remove());

describe("limbeck sweep", () => {
  it("ranks the trials that came to their end, reports the others, and ends well", async () => {
    expect(ended.code, ended.stderr).toBe(0);
    const { trials, best, by } = await readSweep("grid");
    expect(trials.map(({ name, state }) => [name, state])).toEqual([
      ["learningRate-0.0001_model-student-llama", "done"],
      ["learningRate-0.0001_model-nowhere", "failed"],
      ["learningRate-0.01_model-student-llama", "done"],
      ["learningRate-0.01_model-nowhere", "failed"],
    ]);
    expect(by).toBe("kl");
    const kl = trials.flatMap((trial) => (trial.state === "done" ? [trial.model.klFromTeacher!.mean.value] : []));
    expect(kl[1]!).toBeLessThan(kl[0]!);
    expect(best).toBe("learningRate-0.01_model-student-llama");
    expect(ended.stdout).toMatch(/^A .*\n^B /m);
    expect(ended.stdout).toContain('failed: learningRate-0.01_model-nowhere, model: "/nowhere" must be a model folder');
    expect(await readFile(at("grid", "sweep.html"), "utf8")).toContain("learningRate-0.01_model-nowhere");
  });

  it("asks the teacher once, and trains no twins", async () => {
    expect(ended.stderr.split("capturing the teacher").length - 1).toBe(1);
    expect(ended.stderr.split("the teacher is not run").length - 1).toBe(1);
    expect(await readdir(at("grid", "teacher"))).toHaveLength(1);
    expect(await readdir(at("grid", "learningRate-0.01_model-student-llama"))).not.toContain("twin");
  });

  it("writes the best config, which runs to the same student and has its twin again", async () => {
    const text = await readFile(at("grid", "best.yaml"), "utf8");
    expect(text).toMatch(/^# The best of 4 trials by KL: training.learningRate=0.01, student.model=/);
    expect(text).toContain("twin: true");
    const { code, stderr } = await limbeck(["run", "grid/best.yaml"], { cwd: folder.path });
    expect(code, stderr).toBe(0);
    expect(await readWeights("run")).toEqual(await readWeights("grid", "learningRate-0.01_model-student-llama"));
    expect(await readdir(at("run"))).toContain("twin");
  });

  it("does nothing again when it is resumed at its end", async () => {
    const report = at("grid", "learningRate-0.01_model-student-llama", "report.json");
    const before = await stat(report);
    const { code, stdout, stderr } = await sweep(...grid, "--resume");
    expect(code, stderr).toBe(0);
    expect(stdout).toBe(ended.stdout);
    expect((await stat(report)).mtimeMs).toBe(before.mtimeMs);
  });

  it("refuses an occupied folder, another sweep's folder, and none", async () => {
    expect((await sweep(...grid)).stderr).toContain('error[OCCUPIED]: output: "grid" must be new or empty');
    const other = await sweep("--over", "training.learningRate=1,2", "--output", "grid", "--resume");
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('error[RESUME]: output: the sweep in "grid" was started with grid search, 4 trials');
    const none = await sweep("--over", "training.learningRate=1,2", "--output", "none", "--resume");
    expect(none.stderr).toContain("error[NOTHING_TO_RESUME]");
  });

  it("refuses keys that no config has, and a command line without any", async () => {
    const unknown = await sweep("--over", "training.learingRate=1,2", "--output", "none");
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain("unknown key; did you mean training.learningRate?");
    const nothing = await sweep("--output", "none");
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining("expected --over, what to vary")]);
  });

  it("fails where no trial comes to its end", async () => {
    const { code, stderr } = await sweep("--over", "student.model=/nowhere", "--output", "failed");
    expect(code).toBe(1);
    expect(stderr).toContain("error[SWEEP]: sweep: none of 1 trials came to its end.");
  });

  it("goes on after Ctrl-C to the same students", async () => {
    const words = ["--over", "training.learningRate=1e-4,1e-2", "--output", "stopped"];
    const run = startLimbeck(["sweep", "config.yaml", ...words, "--set", "training.steps=120"], { cwd: folder.path });
    const stopped = new Promise<void>((resolve) => {
      run.process.stderr!.on("data", (text: string) => {
        if (!text.includes("training the student")) return;
        run.process.kill("SIGINT");
        resolve();
      });
    });
    await stopped;
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(130);
    expect(stderr.replaceAll(/\s+/g, " ")).toContain(
      "Go on with: limbeck sweep config.yaml --over training.learningRate=1e-4,1e-2",
    );
    const resumed = await sweep(...words, "--set", "training.steps=120", "--resume");
    expect(resumed.code, resumed.stderr).toBe(0);
    const { trials } = await readSweep("stopped");
    expect(trials.map(({ state }) => state)).toEqual(["done", "done"]);
    const whole = ["--set", "training.steps=120", "--set", "training.learningRate=1e-4", "--output", "whole"];
    const alone = await limbeck(["run", "config.yaml", ...whole], { cwd: folder.path });
    expect(alone.code, alone.stderr).toBe(0);
    expect(await readWeights("stopped", "learningRate-0.0001")).toEqual(await readWeights("whole"));
  });
});

describe("limbeck sweep --search halving", () => {
  it("stops all but the best at every rung, and ends with the student of a run that was never stopped", async () => {
    const over = [
      "--over",
      "training.learningRate=1e-5..1e-1",
      "--search",
      "halving",
      "--trials",
      "4",
      "--reduction",
      "2",
    ];
    const { code, stderr, stdout } = await sweep(...over, "--output", "halved");
    expect(code, stderr).toBe(0);
    const { trials, rungs, best } = await readSweep("halved");
    expect(rungs).toEqual([
      { steps: 2, trials: 4 },
      { steps: 4, trials: 2 },
      { steps: 8, trials: 1 },
    ]);
    const stoppedAt = trials.flatMap((trial) => (trial.state === "stopped" ? [trial.step] : []));
    expect(stoppedAt.sort()).toEqual([2, 2, 4]);
    expect(stdout).toContain("stopped at step 4: learningRate-");
    const run = await limbeck(
      ["run", "halved/best.yaml", "--set", "training.twin=false", "--output", "never-stopped"],
      {
        cwd: folder.path,
      },
    );
    expect(run.code, run.stderr).toBe(0);
    expect(await readWeights("never-stopped")).toEqual(await readWeights("halved", best!));
  });
});
