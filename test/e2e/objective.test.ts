/** @file Weights of rows, temperatures that change and balanced terms in whole runs: what they write, and that a resumed run goes on with them. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MetricsLine, StepLine } from "../../src/training/metrics.js";
import { configText, golden, limbeck, makeWorkFolder, startLimbeck } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
const at = (...parts: string[]) => join(folder.path, ...parts);

/** The golden rows, each with more fields. */
async function writeRows(name: string, more: (row: number) => object): Promise<void> {
  const lines = (await readFile(`${golden}training/rows.jsonl`, "utf8")).trimEnd().split("\n");
  const rows = lines.map((line, i) => JSON.stringify({ ...JSON.parse(line), ...more(i) }));
  await writeFile(at(name), `${rows.join("\n")}\n`);
}

const configOf = (name: string, data: object, objective: object | undefined, training: object = {}) =>
  writeFile(
    at(`${name}.yaml`),
    configText({
      data: { heldOutFraction: 0.2, ...data },
      ...(objective && { objective }),
      training: { epochs: undefined, steps: 6, evaluateEvery: 3, checkpointEvery: 2, ...training },
      output: name,
    }),
  );

/** A run's lines without what depends on the clock. */
async function linesOf(run: string): Promise<MetricsLine[]> {
  const text = await readFile(at(run, "metrics.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => ({ ...JSON.parse(line), tokensPerSecond: undefined }));
}

async function run(name: string, ...more: readonly string[]): Promise<string> {
  const { code, stderr } = await limbeck(["run", `${name}.yaml`, ...more], { cwd: folder.path });
  expect(code, stderr).toBe(0);
  return stderr;
}

beforeAll(async () => {
  folder = await makeWorkFolder();
});
afterAll(() => folder.remove());

describe("data.weightField", () => {
  it("changes nothing, bit for bit, where all weights are 1", async () => {
    await writeRows("plain.jsonl", () => ({}));
    await writeRows("ones.jsonl", () => ({ worth: 1 }));
    await configOf("plain", { train: "plain.jsonl" }, undefined);
    await configOf("ones", { train: "ones.jsonl", weightField: "worth" }, undefined);
    await Promise.all([run("plain"), run("ones")]);
    expect(await linesOf("ones")).toEqual(await linesOf("plain"));
  });

  it("leaves rows of weight 0 out, and says how many", async () => {
    await writeRows("some.jsonl", (row) => (row % 4 === 1 ? { worth: 0 } : row % 4 === 2 ? { worth: 0.5 } : {}));
    await configOf("some", { train: "some.jsonl", weightField: "worth" }, undefined);
    await run("some");
    const { warnings, data } = JSON.parse(await readFile(at("some/report.json"), "utf8"));
    const lines = (await readFile(at("some.jsonl"), "utf8")).trimEnd().split("\n").length;
    const left = Math.floor((lines + 2) / 4);
    expect(warnings).toContainEqual({
      code: "weightless-rows",
      message: `${left} rows have the weight 0 and are left out.`,
    });
    expect(data.train.rows + data.heldOut.rows).toBe(lines - left);
  });

  it("names a field that no row has, before anything is trained", async () => {
    await configOf("typo", { train: "ones.jsonl", weightField: "wroth" }, undefined);
    const { code, stderr } = await limbeck(["run", "typo.yaml"], { cwd: folder.path });
    expect(code).toBe(1);
    expect(stderr).toContain('expected the weight of some training row in the field "wroth", got none');
  });
});

describe("a run whose temperature changes and whose terms are balanced", () => {
  const objective = { soft: { weight: 2, temperature: { from: 4, to: 1, steps: 6 } }, hard: { weight: 1 } };

  it("writes temperatures, gradient norms and weights of every step, and goes on with them after Ctrl-C, bit for bit", async () => {
    await writeRows("rows.jsonl", () => ({}));
    for (const name of ["whole", "stopped"]) {
      await configOf(name, { train: "rows.jsonl" }, objective, { balance: "gradient-norm" });
    }
    await run("whole");
    const steps = (await linesOf("whole")).filter((line): line is StepLine => "loss" in line);
    expect(steps.map(({ temperatures }) => temperatures!.soft)).toEqual([3.5, 3, 2.5, 2, 1.5, 1]);
    expect(steps[0]!.weights).toEqual({ soft: 2, hard: 1 });
    const [norms, weights] = [steps[0]!.termGradientNorms!, steps[1]!.weights!];
    expect((weights.soft! * norms.soft!) / (weights.hard! * norms.hard!)).toBeCloseTo(2, 6);

    const started = startLimbeck(["run", "stopped.yaml", "--json"], { cwd: folder.path });
    await started.printed('"type":"step"', 3);
    started.process.kill("SIGINT");
    expect((await started.ended).code).toBe(130);
    await run("stopped", "--resume");
    expect(await linesOf("stopped")).toEqual(await linesOf("whole"));
  });

  it("measures gradient norms alone where that is asked for, and trains the same", async () => {
    const constant = { soft: { temperature: 2 }, hard: { weight: 0.3 } };
    await configOf("measured", { train: "rows.jsonl" }, constant, { termGradientNorms: true });
    await configOf("unmeasured", { train: "rows.jsonl" }, constant);
    await run("measured");
    await run("unmeasured");
    const without = (await linesOf("measured")).map((line) => ({ ...line, termGradientNorms: undefined }));
    expect(without).toEqual((await linesOf("unmeasured")).map((line) => ({ ...line, termGradientNorms: undefined })));
    const [step] = (await linesOf("measured")).filter((line): line is StepLine => "loss" in line);
    expect(Object.keys(step!.termGradientNorms!)).toEqual(["soft", "hard"]);
    const shown = (name: string) => readFile(at(name, "report.html"), "utf8");
    expect(await shown("measured")).toMatch(/Gradient of each term[\s\S]*soft: \S+ at step 1/);
    expect(await shown("unmeasured")).not.toContain("Gradient of each term");
  });

  it("measures no gradient norm of a feature, and refuses to balance it", async () => {
    const objective = { hidden: { layers: [[2, 2]] }, hard: {} };
    const training = { steps: 2, evaluateEvery: null, checkpointEvery: null };
    await configOf("feature", { train: "rows.jsonl" }, objective, { ...training, termGradientNorms: true });
    await run("feature");
    const [step] = (await linesOf("feature")).filter((line): line is StepLine => "loss" in line);
    expect(Object.keys(step!.terms)).toEqual(expect.arrayContaining(["hidden", "hard"]));
    expect(Object.keys(step!.termGradientNorms!)).not.toContain("hidden");
    const refused = await limbeck(["run", "feature.yaml", "--set", "training.balance=gradient-norm"], {
      cwd: folder.path,
    });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /training.balance.*objective.hidden compares layers and has no gradient by the logits/,
    );
  });
});
