/** @file Runs whose student comes from its teacher, by the built program: what they write, what an interruption leaves, what is refused. */

import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { score } from "../../src/evaluate/score.js";
import { openSafetensors } from "../../src/weights/index.js";
import { configText, type Ended, golden, limbeck, makeWorkFolder, startLimbeck } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
let adaptedRun: Ended;
const at = (...parts: string[]) => join(folder.path, ...parts);
const bytes = (...parts: string[]) => readFileSync(at(...parts), "base64");

const adapted = { from: "teacher", layers: 2, chooseLayers: "importance", feedForwardSize: 16, adapters: { rank: 2 } };
const frozen = { from: "teacher", layers: [0, 1, 3], freeze: ["embeddings", "layers.0", "norms"] };

async function writeConfig(name: string, student: object, changes: Record<string, object> = {}): Promise<void> {
  const text = configText({
    teacher: { model: `${golden}students/teacher` },
    student: { model: undefined, ...student },
    data: { heldOutFraction: 0.2, shuffle: true },
    training: { epochs: undefined, steps: 16, evaluateEvery: 3, checkpointEvery: 4 },
    ...changes,
  });
  await writeFile(at(`${name}.yaml`), text);
}

const run = (name: string, output: string, ...more: string[]): Promise<Ended> =>
  limbeck(["run", `${name}.yaml`, "--json", "--output", output, ...more], { cwd: folder.path });

/** Metrics but for their rates. */
const metricsOf = (output: string) =>
  readFileSync(at(output, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => ({ ...JSON.parse(line), tokensPerSecond: undefined }));

beforeAll(async () => {
  folder = await makeWorkFolder();
  await writeConfig("adapted", adapted);
  await writeConfig("frozen", frozen);
  adaptedRun = await run("adapted", "adapted-whole");
  for (const { code, stderr } of [adaptedRun, await run("frozen", "frozen-whole")]) expect(code, stderr).toBe(0);
});
afterAll(() => folder.remove());

describe("limbeck run with adapters", () => {
  const ids = [1, 5, 9, 13, 40, 41, 42, 43, 7, 7];
  const logProbs = async (path: string) =>
    (await score(path, { ids, topK: 1 }, { threads: 1 })).tokens.slice(1).map(({ logProb }) => logProb!);

  it("writes the merged student, the adapter alone and its base, which score as they belong together", async () => {
    expect(readdirSync(at("adapted-whole"))).toEqual(expect.arrayContaining(["adapter", "base", "student"]));
    const student = await logProbs(at("adapted-whole/student"));
    expect(await logProbs(at("adapted-whole/adapter"))).toBeAllClose(student, { relative: 0, absolute: 1e-5 });
    const base = await logProbs(at("adapted-whole/base"));
    expect(Math.max(...student.map((each, i) => Math.abs(each - base[i]!)))).toBeGreaterThan(1e-3);
    const config = JSON.parse(readFileSync(at("adapted-whole/student/config.json"), "utf8"));
    expect(config).toMatchObject({ num_hidden_layers: 2, intermediate_size: 16, num_attention_heads: 6 });
  });

  it("keeps the factors only in its checkpoints", async () => {
    await using weights = await openSafetensors(at("adapted-whole/checkpoints/step-000016/weights.safetensors"));
    expect(weights.names()).toHaveLength(2 * 2 * 7);
    expect(weights.names().every((name) => /\.lora_[AB]\.weight$/.test(name))).toBe(true);
  });

  it("says before training where the student starts", () => {
    const events = adaptedRun.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const start = events.find(({ type }) => type === "start");
    expect(start.origin).toMatch(/^layers \d, \d with 16 feed-forward neurons each of teacher$/);
    expect(start.trainedParameters).toBeLessThan(start.parameters / 2);
    expect(start.klFromTeacher).toBeGreaterThan(0);
    expect(events.indexOf(start)).toBeLessThan(events.findIndex(({ type }) => type === "step"));
  });
});

describe("limbeck run with frozen parts", () => {
  it("leaves them bit for bit as the teacher has them, and has no moments of them", async () => {
    await using teacher = await openSafetensors(`${golden}students/teacher/model.safetensors`);
    await using student = await openSafetensors(at("frozen-whole/student/model.safetensors"));
    await using moments = await openSafetensors(at("frozen-whole/checkpoints/step-000016/first-moments.safetensors"));
    for (const name of student.names()) {
      const from = name.replace("layers.2.", "layers.3.");
      const [own, taught] = [await student.readFloat32(name), await teacher.readFloat32(from)];
      const isFrozen = /embed_tokens|layers\.0\.|norm/.test(name);
      expect(moments.has(name), name).toBe(!isFrozen);
      if (isFrozen) expect(own, name).toEqual(taught);
      // A key's bias moves all of a query's scores alike.
      else if (!name.endsWith("k_proj.bias")) expect(own, name).not.toEqual(taught);
    }
  });
});

describe.each(["adapted", "frozen"])("limbeck run of %s, interrupted", (name) => {
  it("goes on to the same result bit for bit", async () => {
    const output = `${name}-stopped`;
    const started = startLimbeck(["run", `${name}.yaml`, "--json", "--output", output], { cwd: folder.path });
    await started.printed('"type":"step"', 6);
    started.process.kill("SIGINT");
    const stopped = await started.ended;
    expect(stopped.code, stopped.stderr).toBe(130);
    const { code, stderr } = await run(name, output, "--resume");
    expect(code, stderr).toBe(0);
    expect(metricsOf(output)).toEqual(metricsOf(`${name}-whole`));
    const files = ["student/model.safetensors", "checkpoints/step-000016/second-moments.safetensors"];
    if (name === "adapted") files.push("adapter/adapter_model.safetensors", "student-parts.json");
    for (const file of files) expect(bytes(output, file) === bytes(`${name}-whole`, file), file).toBe(true);
  });
});

describe("limbeck check", () => {
  const check = (name: string, ...more: string[]) => limbeck(["check", `${name}.yaml`, ...more], { cwd: folder.path });

  it("measures the config's start beside the alternatives", async () => {
    await writeConfig("cut", { from: "teacher", layers: 2, heads: 4 });
    const { code, stdout, stderr } = await check("cut", "--json");
    expect(code, stderr).toBe(0);
    const { starts, student } = JSON.parse(stdout);
    expect(starts[0]).toMatchObject({ name: "layers evenly spaced", isChosen: true, parameters: student.parameters });
    expect(starts.at(-1)).toMatchObject({ name: "random weights", isChosen: false, parameters: student.parameters });
    for (const { klFromTeacher, perplexity, tokensPerSecond } of starts) {
      expect(Math.min(klFromTeacher, perplexity, tokensPerSecond)).toBeGreaterThan(0);
    }
    expect((await check("cut")).stdout).toContain("* layers evenly spaced");
  });

  it("finds that all of the teacher is the teacher", async () => {
    await writeConfig("all", { from: "teacher", layers: 4, feedForwardSize: 24, heads: 6 });
    const { starts } = JSON.parse((await check("all", "--json")).stdout);
    expect(starts[0]).toMatchObject({ name: "all layers", klFromTeacher: 0 });
  });

  it.each([
    [{ from: "teacher", heads: 3 }, 1, "expected one of 2, 4, 6 (2 heads share one key/value head), got 3."],
    [{ model: "x", layers: 2 }, 2, "expected only beside from: teacher"],
  ])("refuses %j", async (student, code, text) => {
    await writeConfig("bad", student);
    const ended = await check("bad");
    expect(ended.stderr.replace(/\s+/g, " ")).toContain(text);
    expect(ended.code).toBe(code);
  });
});
