/** @file The `context` recipe on text, by the built program: equal to soft labels where both see the same, else as both views say. */

import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadTokenizer, type Tokenizer } from "../../src/data/index.js";
import { score } from "../../src/evaluate/score.js";
import { makeFreshStudent } from "../../src/students/fresh-student.js";
import type { StepLine } from "../../src/training/metrics.js";
import { writeModelFolder } from "../../src/weights/index.js";
import { configText, golden, limbeck, makeWorkFolder } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
let tokenizer: Tokenizer;
const at = (...parts: string[]) => join(folder.path, ...parts);

const vocabSize = 400;
const context = "You are a terse clerk. You answer with one word, and never with more than that.";
const rows = [
  { context, input: "What grows in the garden?", response: " roses" },
  { context, input: "Who is there?", response: " the postman, again" },
  { context, input: "When?", response: " today" },
];
const prompts = { whole: "{{ context }}\n{{ input }}\n", bare: "{{ input }}\n" };

/** A model of random weights, large enough to have opinions, with the fixture's tokenizer. */
async function writeModel(name: string, hiddenSize: number, seed: number): Promise<void> {
  const made = makeFreshStudent(
    {
      modelType: "llama",
      layers: 2,
      hiddenSize,
      heads: 4,
      feedForwardSize: 48,
      tieEmbeddings: false,
      maxPositions: 256,
      ropeTheta: 10_000,
      normEpsilon: 1e-5,
      vocabSize,
    },
    seed,
  );
  const tensors = [...made.weights].map(([tensor, { dims, data }]) => ({
    name: tensor,
    shape: dims,
    data: (data as Float32Array).map((value) => (dims.length > 1 ? value * 12 : value)),
  }));
  const copyFrom = `${golden}tokenizers/metaspace`;
  await writeModelFolder(at(name), { config: made.config, tensors, dtype: "float32", copyFrom });
}

/** Runs a recipe on the rows, all of them in every step, and returns its step lines without their rates. */
async function run(name: string, recipe: object): Promise<StepLine[]> {
  const config = configText({
    ...recipe,
    data: { train: "rows.jsonl", template: "none", sequenceLength: 128 },
    training: { epochs: undefined, steps: 3, tokensPerStep: 512, evaluateEvery: null },
    output: name,
  });
  await writeFile(at(`${name}.yaml`), config);
  const { code, stderr } = await limbeck(["run", `${name}.yaml`], { cwd: folder.path });
  expect(code, stderr).toBe(0);
  const lines = (await readFile(at(name, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => ({ ...(JSON.parse(line) as StepLine), tokensPerSecond: 0 }));
}

const contextRecipe = (student: string, teacher = prompts.whole) => ({
  recipe: "context",
  teacher: { model: "teacher", prompt: teacher },
  student: { model: "student", prompt: student },
});

beforeAll(async () => {
  folder = await makeWorkFolder();
  await writeModel("teacher", 48, 1);
  await writeModel("student", 32, 2);
  tokenizer = await loadTokenizer(at("teacher"));
  const withPrompt = rows.map((row) => ({ ...row, prompt: `${row.context}\n${row.input}\n` }));
  await writeFile(at("rows.jsonl"), withPrompt.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(() => folder.remove());

/** Log-probs over the vocabulary at the places that score the response, by scoring the whole view alone. */
async function distributions(
  model: string,
  prompt: readonly number[],
  response: readonly number[],
): Promise<number[][]> {
  const { tokens } = await score(at(model), { ids: [...prompt, ...response], topK: vocabSize }, { threads: 1 });
  return tokens.slice(prompt.length).map(({ topK }) => {
    const logProbs = new Array<number>(vocabSize);
    for (const { id, logProb } of topK) logProbs[id] = logProb;
    return logProbs;
  });
}

describe("limbeck run of context", () => {
  it("is soft labels where c' is c", async () => {
    const same = await run("same", contextRecipe(prompts.whole));
    const models = { teacher: { model: "teacher" }, student: { model: "student" } };
    expect(same).toEqual(await run("soft", { ...models, recipe: "soft-labels" }));
  });

  it("compares the student without the context to the teacher with it, on the response", async () => {
    const [first] = await run("less", contextRecipe(prompts.bare));
    let [kl, hard, count] = [0, 0, 0];
    for (const { input, response } of rows) {
      const learned = [...tokenizer.encode(response, { addSpecialTokens: false }), tokenizer.endTokenId!];
      const views = [`${context}\n${input}\n`, `${input}\n`].map((text) =>
        tokenizer.encode(text, { addSpecialTokens: true }),
      );
      const taught = await distributions("teacher", views[0]!, learned);
      const own = await distributions("student", views[1]!, learned);
      for (const [i, id] of learned.entries()) {
        const [p, q] = [taught[i]!, own[i]!];
        // At temperature 2, times 4; the shift of a row of logits does not matter.
        const [softP, softQ] = [tempered(p), tempered(q)];
        kl += 4 * softP.reduce((sum, logProb, v) => sum + Math.exp(logProb) * (logProb - softQ[v]!), 0);
        hard -= q[id]!;
        count++;
      }
    }
    expect([first!.terms.soft!, first!.terms.hard!]).toBeAllClose([kl / count, hard / count], { relative: 1e-4 });
    expect([first!.loss]).toBeAllClose([(0.8 * kl + 0.2 * hard) / count], { relative: 1e-4 });
  });

  it("refuses a prompt that asks for a field which the rows do not have", async () => {
    await writeFile(
      at("bad.yaml"),
      configText({
        ...contextRecipe("{{ question }}"),
        data: { train: "rows.jsonl", template: "none" },
        output: "bad",
      }),
    );
    const { code, stderr } = await limbeck(["run", "bad.yaml"], { cwd: folder.path });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /error\[DATA\]: data: rows\.jsonl:1: student\.prompt uses the field "question", which the row does not have/,
    );
  });

  it("writes a student with the tokenizer, which scores text", async () => {
    await cp(at("same/student"), at("copied"), { recursive: true });
    const { code, stdout, stderr } = await limbeck(["score", "copied", "--text", "roses", "--json"], {
      cwd: folder.path,
    });
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout).bitsPerByte).toBeGreaterThan(0);
  });
});

/** log softmax(logProbs / 2) */
function tempered(logProbs: readonly number[]): number[] {
  const total = Math.log(logProbs.reduce((sum, logProb) => sum + Math.exp(logProb / 2), 0));
  return logProbs.map((logProb) => logProb / 2 - total);
}
