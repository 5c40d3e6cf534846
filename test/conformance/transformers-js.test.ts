/** @file transformers.js opens an exported folder, and writes what limbeck writes. Its engine is a session of its own. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AutoModelForCausalLM, AutoTokenizer, env, pipeline, Tensor } from "@huggingface/transformers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { score } from "../../src/evaluate/score.js";
import { logProbOf } from "../../src/export/compare-logits.js";
import { openExportedModel } from "../../src/export/exported-model.js";
import { makeTokenGenerator } from "../../src/generation/token-generator.js";
import { type LoadedModel, loadModelFolder } from "../../src/weights/load-model.js";
import { writeChatModel } from "../support/chat-model.js";
import { limbeck } from "../support/limbeck.js";

let folder: string;
let exported: string;
let student: LoadedModel;

const messages = [{ role: "user", content: "Who are you?" }];
const maxTokens = 12;

beforeAll(async () => {
  env.allowRemoteModels = false;
  folder = await mkdtemp(join(tmpdir(), "limbeck-transformers-"));
  exported = join(folder, "exported");
  await writeChatModel(join(folder, "chat"));
  student = await loadModelFolder(join(folder, "chat"));
  await writeFile(
    join(folder, "rows.jsonl"),
    `${JSON.stringify({ text: "Who are you, and what do you do all day?" })}\n`,
  );
  const words = "export chat --to exported --precision float32,float16,int8,int4 --data rows.jsonl".split(" ");
  const { code, stderr } = await limbeck(words, { cwd: folder });
  expect(code, stderr).toBe(0);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sessionOptions = { intraOpNumThreads: 1 };
const load = (dtype: "fp32" | "fp16" | "q8" | "q4") =>
  AutoModelForCausalLM.from_pretrained(exported, { dtype, session_options: sessionOptions });

/** Prompt ids of the messages, as the folder's chat template has them. */
async function promptIds(): Promise<number[]> {
  const tokenizer = await AutoTokenizer.from_pretrained(exported);
  const options = { add_generation_prompt: true, tokenize: true, return_tensor: false, return_dict: false };
  return tokenizer.apply_chat_template(messages, options) as unknown as number[];
}

/** What limbeck writes after a prompt, one token after the other, the likeliest each time. */
async function ownIds(prompt: readonly number[]): Promise<number[]> {
  const generator = await makeTokenGenerator(student, { threads: 1 });
  const ids: number[] = [];
  for await (const { id } of generator.generate([prompt], { maxTokens })) ids.push(id);
  await generator.dispose();
  return ids;
}

const wholeNumbers = (rows: readonly (readonly number[])[]) =>
  new Tensor("int64", BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]);

/** Log-probs of each next token. */
function logProbsOf(logits: Float32Array, ids: readonly number[], width: number): number[] {
  return ids.slice(1).map((id, i) => logProbOf(logits.subarray(i * width, (i + 1) * width), id));
}

async function ownLogProbs(path: string, ids: readonly number[]): Promise<number[]> {
  const model = await openExportedModel(path, { threads: 1 });
  const logProbs = logProbsOf(await model.read(ids), ids, model.headWidth);
  await model.dispose();
  return logProbs;
}

describe("an exported folder in transformers.js", () => {
  it("continues a conversation as limbeck does, through the cache", async () => {
    const prompt = await promptIds();
    const model = await load("fp32");
    const output = (await model.generate({
      inputs: wholeNumbers([prompt]),
      attention_mask: wholeNumbers([prompt.map(() => 1)]),
      max_new_tokens: maxTokens,
      do_sample: false,
      eos_token_id: null,
      // biome-ignore lint/suspicious/noExplicitAny: the declared type of generate's options leaves out its plain inputs
    } as any)) as Tensor;
    const ids = Array.from(output.data as BigInt64Array, Number).slice(prompt.length);
    expect(ids).toEqual(await ownIds(prompt));
    await model.dispose();
  });

  it.each([
    ["fp32", "model"],
    ["fp16", "model_fp16"],
    ["q8", "model_quantized"],
    ["q4", "model_q4"],
  ] as const)("gives the log-probs of limbeck's own reading in a left-padded batch: %s", async (dtype, name) => {
    const long = Array.from({ length: 40 }, (_, i) => (i * 11) % 300);
    const short = long.slice(3, 20);
    const pads = long.length - short.length;
    const model = await load(dtype);
    const { logits } = (await model({
      input_ids: wholeNumbers([long, [...new Array<number>(pads).fill(0), ...short]]),
      attention_mask: wholeNumbers([long.map(() => 1), long.map((_, i) => (i < pads ? 0 : 1))]),
    })) as { logits: Tensor };
    await model.dispose();
    const width = logits.dims[2]!;
    const all = logits.data as Float32Array;
    for (const [row, ids] of [long, short].entries()) {
      const start = (row === 0 ? 0 : long.length + pads) * width;
      const theirs = logProbsOf(all.subarray(start, start + ids.length * width), ids, width);
      expect(theirs).toBeAllClose(await ownLogProbs(join(exported, "onnx", `${name}.onnx`), ids), { absolute: 1e-4 });
      if (dtype !== "fp32") continue;
      const { tokens } = await score(join(folder, "chat"), { ids, topK: 1 }, { threads: 1 });
      const scored = tokens.slice(1).map(({ logProb }) => logProb!);
      expect(theirs).toBeAllClose(scored, { absolute: 1e-4 });
    }
  });

  it("runs the code of its own model card", async () => {
    const card = await readFile(join(exported, "README.md"), "utf8");
    const code = /```js\n(?:import [^\n]*\n)?(.*?)```/s.exec(card)![1]!;
    const logged: unknown[] = [];
    const body = code
      .replace('"exported"', JSON.stringify(exported))
      .replace("max_new_tokens: 32", `max_new_tokens: ${maxTokens}`)
      .replace("console.log", "log");
    const run = new Function("pipeline", "log", `return (async () => {${body}})()`);
    await run(pipeline, (value: unknown) => logged.push(value));
    expect(logged).toEqual([expect.any(String)]);
    expect((logged[0] as string).length).toBeGreaterThan(0);
  });
});
