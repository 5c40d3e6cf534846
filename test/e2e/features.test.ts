/** @file Runs of `soft-labels` that learn what layers compute: the terms fall, the student is a plain model, resuming is exact, and refusals. */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { score } from "../../src/evaluate/score.js";
import type { EvaluationLine, StepLine } from "../../src/training/metrics.js";
import { openSafetensors } from "../../src/weights/index.js";
import { configText, golden, limbeck, makeWorkFolder, startLimbeck } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
const at = (...parts: string[]) => join(folder.path, ...parts);

const objective = {
  soft: { weight: 0.2 },
  hard: undefined,
  hidden: { weight: 0.5 },
  relations: { kind: "feature", feature: "value-value", relationHeads: 4 },
};
const changes = {
  data: { heldOutFraction: 0.2, shuffle: true },
  objective,
  training: { epochs: undefined, steps: 30, learningRate: 1e-2, evaluateEvery: 10, checkpointEvery: 10 },
};
const run = (...words: string[]) => limbeck(["run", "config.yaml", "--json", ...words], { cwd: folder.path });

beforeAll(async () => {
  folder = await makeWorkFolder();
  await writeFile(at("config.yaml"), configText(changes));
  const { code, stderr } = await run("--output", "whole");
  expect(code, stderr).toBe(0);
});
afterAll(() => folder.remove());

async function readLines(output: string): Promise<readonly (StepLine & EvaluationLine)[]> {
  return (await readFile(at(output, "metrics.jsonl"), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => ({ ...JSON.parse(line), tokensPerSecond: undefined }));
}

async function namesIn(...path: string[]): Promise<readonly string[]> {
  await using file = await openSafetensors(at(...path));
  return file.names().sort();
}

describe("a run with hidden states and relations", () => {
  it("brings every term down, on held-out rows too", async () => {
    const lines = await readLines("whole");
    const steps = lines.filter((line) => "terms" in line);
    expect(steps).toHaveLength(30);
    const mean = (term: string, from: number) => {
      return steps.slice(from, from + 5).reduce((sum, { terms }) => sum + terms[term]! / 5, 0);
    };
    expect(mean("hidden", 25)).toBeLessThan(0.85 * mean("hidden", 0));
    expect(mean("relations", 25)).toBeLessThan(0.75 * mean("relations", 0));
    const losses = lines.filter((line) => "evaluation" in line).map(({ evaluation }) => evaluation.loss);
    expect(losses).toHaveLength(4);
    expect(losses.at(-1)!).toBeLessThan(0.75 * losses[0]!);
  });

  it("keeps its projections in the checkpoint and nowhere in the student", async () => {
    const projections = ["projection.hidden.0.0", "projection.hidden.1.1", "projection.hidden.2.2"];
    for (const file of ["weights", "first-moments", "second-moments"]) {
      const names = await namesIn("whole/checkpoints/step-000030", `${file}.safetensors`);
      expect(names.filter((name) => name.startsWith("projection"))).toEqual(projections);
    }
    await using start = await openSafetensors(`${golden}training/student-llama/model.safetensors`);
    expect(await namesIn("whole/student/model.safetensors")).toEqual(start.names().sort());
    expect((await score(at("whole/student"), { ids: [5, 6, 7] })).tokens).toHaveLength(3);
  });

  it("exports a file that computes what the student does, without them", async () => {
    const words = ["export", "whole/student", "--to", "exported", "--format", "onnx"];
    const { code, stderr } = await limbeck(words, { cwd: folder.path });
    expect(code, stderr).toBe(0);
    const entries = await readdir(at("exported"), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    expect(files.filter((file) => file.endsWith(".onnx"))).toHaveLength(1);
    for (const file of files) expect((await readFile(file)).includes("projection.hidden"), file).toBe(false);
  });

  it("goes on to the same numbers and weights after Ctrl-C", async () => {
    const started = startLimbeck(["run", "config.yaml", "--json", "--output", "cut"], { cwd: folder.path });
    await started.printed('"type":"step"', 13);
    started.process.kill("SIGINT");
    expect((await started.ended).code).toBe(130);
    const { code, stderr } = await run("--output", "cut", "--resume");
    expect(code, stderr).toBe(0);
    expect(await readLines("cut")).toEqual(await readLines("whole"));
    for (const file of ["weights", "first-moments", "second-moments"]) {
      const bytes = (output: string) => readFile(at(output, `checkpoints/step-000030/${file}.safetensors`));
      expect((await bytes("cut")).equals(await bytes("whole")), file).toBe(true);
    }
  });

  it("trains adapters without a projection among them", async () => {
    const words = ["--set", "student.adapters.rank=2", "--set", "training.steps=3", "--output", "adapted"];
    const { code, stderr } = await run(...words);
    expect(code, stderr).toBe(0);
    const names = await namesIn("adapted/adapter/adapter_model.safetensors");
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => name.includes("projection"))).toEqual([]);
  });

  it("is checked before it is run", async () => {
    const { code, stdout, stderr } = await limbeck(["check", "config.yaml"], { cwd: folder.path });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("memory");
  });
});

describe("features that cannot be compared", () => {
  it("are refused beside a cache, before anything is opened", async () => {
    const { code, stderr } = await run("--set", "cache.directory=cache", "--output", "cached");
    expect(code).toBe(2);
    expect(stderr).toContain("expected the teacher to run live, because objective.hidden (hidden-mse) compares");
    expect(stderr).toContain("which a cache does not hold");
    await expect(readdir(at("cached"))).rejects.toThrow();
  });

  it.each(["run", "check"])(
    "are refused of a teacher of classes before anything is opened: limbeck %s",
    async (command) => {
      const config = `recipe: classification
student: { shape: { modelType: bag-of-n-grams } }
data: { train: nowhere.jsonl }
objective: { soft: {}, hidden: { feature: hidden-cosine } }
training: { steps: 1 }
output: classes
`;
      await writeFile(at("classes.yaml"), config);
      const { code, stderr } = await limbeck([command, "classes.yaml"], { cwd: folder.path });
      expect(code).toBe(2);
      expect(stderr).toContain('objective.hidden (line 4): "hidden-cosine" compares what layers compute');
      expect(stderr).toContain("got whole distributions alone, as rows or a classifier give them");
    },
  );

  it("are refused where a layer is not there; it says which are", async () => {
    const { code, stderr } = await run("--set", "objective.hidden.layers=[[1, 2], [2, 7]]", "--output", "layered");
    expect(code).toBe(1);
    expect(stderr).toContain("the student's layers 0 to 2 and the teacher's 0 to 2");
    expect(stderr).toContain("got [2, 7]");
  });

  it("are refused an option that is another's, and in the loss laboratory", async () => {
    const wrong = await run("--set", "objective.hidden.relationHeads=2", "--output", "optioned");
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("objective.hidden.relationHeads");
    expect(wrong.stderr).toContain("expected nothing, because hidden-mse has no relationHeads, got 2");
    const input = JSON.stringify({
      student: { logits: [[1, 0]] },
      teacher: { logits: [[0, 1]] },
      objective: { hidden: {} },
    });
    const lost = await limbeck(["loss", "-"], { cwd: folder.path, input });
    expect(lost.code).toBe(2);
    expect(lost.stderr).toContain("expected a term that compares distributions, got a feature");
  });
});
