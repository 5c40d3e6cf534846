/** @file A GGUF file in the place of a model folder: scored, inspected and distilled from by the built program. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { loadTokenizer } from "../../src/data/index.js";
import { openModelFolder } from "../../src/weights/index.js";
import { asGguf, ggufBytes, tokenizerMetadata } from "../support/gguf-file.js";
import { limbeck, makeWorkFolder, repository } from "../support/limbeck.js";

const teacher = join(repository, "assets/quickstart/teacher");
const text = "The state of the union is strong.";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
beforeAll(async () => {
  folder = await makeWorkFolder();
  await using model = await openModelFolder(teacher);
  const metadata = await tokenizerMetadata(teacher, {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.eos_token_id": 0,
  });
  await writeFile(join(folder.path, "teacher.gguf"), ggufBytes(await asGguf(model, metadata)));
});
afterAll(() => folder.remove());

async function json(...words: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await limbeck([...words, "--json"], { cwd: folder.path });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

describe("a GGUF file", () => {
  it("is scored as its folder is", async () => {
    const { model: _, ...ours } = await json("score", "teacher.gguf", "--text", text);
    const { model: __, ...theirs } = await json("score", teacher, "--text", text);
    expect(ours).toEqual(theirs);
  });

  it("is inspected as a model", async () => {
    const { path: _, dtypes, bytesOnDisk: __, ...ours } = await json("inspect", "teacher.gguf");
    const { path: ___, dtypes: ____, bytesOnDisk: _____, ...theirs } = await json("inspect", teacher);
    expect(ours).toEqual(theirs);
    expect(dtypes).toEqual(["F32"]);
  });

  it("teaches a student, whose folder has the tokenizer as Hugging Face's files", async () => {
    await writeFile(join(folder.path, "rows.jsonl"), `${JSON.stringify({ text: `${text} `.repeat(20) })}\n`.repeat(8));
    const config = {
      recipe: "soft-labels",
      teacher: { model: "teacher.gguf" },
      student: { shape: { layers: 1, hiddenSize: 32, heads: 2, feedForwardSize: 64 } },
      data: { train: "rows.jsonl", heldOut: "rows.jsonl", sequenceLength: 64 },
      objective: { soft: {} },
      training: { steps: 2, tokensPerStep: 64, learningRate: 1e-3, evaluateEvery: 2 },
      threads: 1,
      output: "run",
    };
    await writeFile(join(folder.path, "config.yaml"), stringify(config));
    const { code, stderr } = await limbeck(["run", "config.yaml"], { cwd: folder.path });
    expect(code, stderr).toBe(0);
    const student = await loadTokenizer(join(folder.path, "run/student"));
    expect(student.fingerprint).toBe((await loadTokenizer(teacher)).fingerprint);
  });

  it("that is cut short is named with what to do", async () => {
    await writeFile(join(folder.path, "cut.gguf"), Buffer.from("GGUF\u0003\0\0\0"));
    const { code, stderr } = await limbeck(["score", "cut.gguf", "--text", text], { cwd: folder.path });
    expect(code).toBe(1);
    expect(stderr).toMatch(/error\[MODEL\]: "cut\.gguf": header must end within the file's 8 bytes/);
    expect(stderr).toMatch(/hint: The file is damaged or was cut short/);
  });
});
