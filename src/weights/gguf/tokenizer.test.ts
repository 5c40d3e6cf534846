/** @file Tokenizers rebuilt from GGUF metadata give the ids of the tokenizer.json that the metadata came from. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GgufContent, ggufBytes, tokenizerMetadata } from "../../../test/support/gguf-file.js";
import { hasTokenizer, loadTokenizer } from "../../data/tokenizer.js";
import { writeModelFolder } from "../write-model-folder.js";

const golden = new URL("../../../test/golden/", import.meta.url).pathname;
const { encodings } = JSON.parse(await readFile(`${golden}tokenizers.json`, "utf8")) as {
  encodings: { tokenizer: string; text: string; ids: number[]; idsWithSpecialTokens: number[] }[];
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-gguf-"));
});
afterAll(() => rm(folder, { recursive: true }));

const metadataOf = (name: string, changes: GgufContent["metadata"] = {}) =>
  tokenizerMetadata(`${golden}tokenizers/${name}`, changes);

async function write(name: string, metadata: GgufContent["metadata"]): Promise<string> {
  const path = join(folder, `${name}.gguf`);
  await writeFile(path, ggufBytes({ metadata, tensors: [] }));
  return path;
}

const byteLevel = (pre: string) => ({ "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": pre });
const kinds: Readonly<Record<string, GgufContent["metadata"]>> = {
  chatml: { ...byteLevel("gpt-2"), "tokenizer.ggml.eos_token_id": 318, "tokenizer.chat_template": "{{ messages }}" },
  llama3: { ...byteLevel("llama-bpe"), "tokenizer.ggml.bos_token_id": 316, "tokenizer.ggml.eos_token_id": 317 },
  pieces: { "tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": "default" },
};

describe.each(Object.entries(kinds))("a GGUF file with the tokenizer %s", (name, changes) => {
  const original = () => loadTokenizer(`${golden}tokenizers/${name}`);

  it("gives the ids of the Python library, with and without special tokens", async () => {
    const tokenizer = await loadTokenizer(await write(name, await metadataOf(name, changes)));
    const expected = encodings.filter((each) => each.tokenizer === name);
    expect(expected.length).toBeGreaterThan(0);
    for (const { text, ids, idsWithSpecialTokens } of expected) {
      expect(tokenizer.encode(text), text).toEqual(ids);
      expect(tokenizer.encode(text, { addSpecialTokens: true }), text).toEqual(idsWithSpecialTokens);
    }
  });

  it("has the original's ids and texts for any text, and its vocabulary without padding", async () => {
    const path = await write(name, await metadataOf(name, changes));
    expect(await hasTokenizer(path)).toBe(true);
    const [ours, theirs] = [await loadTokenizer(path), await original()];
    expect(ours.vocabSize).toBe(theirs.vocabSize);
    expect(ours.endTokenId).toBe(theirs.endTokenId);
    expect(ours.prefixIds).toEqual(theirs.prefixIds);
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        const ids = theirs.encode(text);
        expect(ours.encode(text)).toEqual(ids);
        expect(ours.decode(ids)).toBe(theirs.decode(ids));
      }),
      { seed: 7, numRuns: 100 },
    );
  });

  it("goes into the folder of a student as files that give the same ids", async () => {
    const path = await write(name, await metadataOf(name, changes));
    const student = join(folder, `${name}-student`);
    await writeModelFolder(student, { config: { model_type: "llama" }, tensors: [], dtype: "float32", copyFrom: path });
    const [ours, written] = [await loadTokenizer(path), await loadTokenizer(student)];
    expect(written.fingerprint).toBe(ours.fingerprint);
    expect(written.chatTemplate).toBe(changes["tokenizer.chat_template"]);
    expect(written.encode("The quick 123 brown fox.\n")).toEqual(ours.encode("The quick 123 brown fox.\n"));
  });
});

describe("loadTokenizer of a GGUF file", () => {
  it("has the fingerprint of the byte-level tokenizer.json that it came from", async () => {
    for (const name of ["chatml", "llama3"]) {
      const path = await write(name, await metadataOf(name, kinds[name]));
      expect((await loadTokenizer(path)).fingerprint).toBe(
        (await loadTokenizer(`${golden}tokenizers/${name}`)).fingerprint,
      );
    }
  });

  it.each([
    ["qwen2", "12 e\u0301", ["1", "2", "Ġ", "Ã", "©"]],
    ["smollm", "12 34½", ["1", "2", "Ġ", "3", "4", "Â", "½"]],
    ["default", "a+1234", ["a", "+", "1", "2", "3", "4"]],
    ["tekken", "aB/\n", ["a", "B", "/", "Ċ"]],
  ])("splits text as %s does", async (pre, text, pieces) => {
    const bytes = ["1", "2", "3", "4", "Ġ", "Ã", "©", "Â", "½", "a", "B", "+", "/", "Ċ", "Ì", "ģ", "e"];
    const metadata = {
      ...byteLevel(pre),
      "tokenizer.ggml.tokens": bytes,
      "tokenizer.ggml.merges": ["Ġ 3"],
    };
    const path = await write(pre, metadata);
    const tokenizer = await loadTokenizer(path);
    expect(tokenizer.encode(text)).toEqual(pieces.map((piece) => bytes.indexOf(piece)));
  });

  it("adds what add_bos_token and add_eos_token say, and no prefix space where add_space_prefix says so", async () => {
    const ends = { "tokenizer.ggml.add_bos_token": false, "tokenizer.ggml.add_eos_token": true };
    const changes = { ...kinds.pieces, ...ends, "tokenizer.ggml.add_space_prefix": false };
    const tokenizer = await loadTokenizer(await write("ends", await metadataOf("pieces", changes)));
    expect(tokenizer.prefixIds).toEqual([]);
    expect(tokenizer.encode("the", { addSpecialTokens: true }).at(-1)).toBe(2);
    expect(tokenizer.tokenText(tokenizer.encode("the")[0]!)).not.toMatch(/^ /);
    expect(tokenizer.decode(tokenizer.encode(" the"))).toBe(" the");
  });

  it.each<[string, GgufContent["metadata"], string, RegExp]>([
    [
      "an unknown way to split",
      byteLevel("klingon"),
      "UNSUPPORTED",
      /must be one of default, gpt-2, .*, got "klingon"/,
    ],
    ["the name of a method", byteLevel("constructor"), "UNSUPPORTED", /got "constructor"/],
    ["another tokenizer", { "tokenizer.ggml.model": "bert" }, "UNSUPPORTED", /must be gpt2 or llama, got "bert"/],
    [
      "an id past the end",
      { ...kinds.chatml, "tokenizer.ggml.bos_token_id": 9999 },
      "MODEL",
      /bos_token_id must be below the \d+ tokens, got 9999/,
    ],
    [
      "too few types",
      { ...kinds.chatml, "tokenizer.ggml.token_type": [1] },
      "MODEL",
      /token_type must have one value for each/,
    ],
    [
      "a merge of one",
      { ...kinds.chatml, "tokenizer.ggml.merges": ["ab"] },
      "MODEL",
      /merges must be pairs joined by a space, got "ab"/,
    ],
    [
      "tokens that are numbers",
      { ...kinds.chatml, "tokenizer.ggml.tokens": [1, 2] },
      "MODEL",
      /tokens" must be a list of texts/,
    ],
  ])("names %s", async (_, changes, code, message) => {
    const path = await write("wrong", await metadataOf("chatml", changes));
    await expect(loadTokenizer(path)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it("refuses a byte-level tokenizer that does not say how it splits, and scores that are all the same", async () => {
    const path = await write("silent", await metadataOf("chatml", { "tokenizer.ggml.model": "gpt2" }));
    await expect(loadTokenizer(path)).rejects.toThrow(/tokenizer\.ggml\.pre.*got nothing/);
    const metadata = await metadataOf("pieces", kinds.pieces);
    const scores = (metadata["tokenizer.ggml.tokens"] as string[]).map(() => -1000);
    const flat = await write("flat", { ...metadata, "tokenizer.ggml.scores": scores });
    await expect(loadTokenizer(flat)).rejects.toThrow("got one score for all");
  });

  it("knows a file without a tokenizer", async () => {
    const path = await write("none", { "general.architecture": "llama", "tokenizer.ggml.model": "no_vocab" });
    expect(await hasTokenizer(path)).toBe(false);
    await expect(loadTokenizer(path)).rejects.toThrow("has no tokenizer.json");
  });
});
