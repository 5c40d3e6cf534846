/** @file GGUF files as models: configs, names and row orders as the Hugging Face folders of the same models have them. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asGguf, floatBytes, type GgufContent, ggufBytes } from "../../../test/support/gguf-file.js";
import { loadModelFolder } from "../load-model.js";
import { openModelFolder } from "../model-folder.js";

const golden = new URL("../../../test/golden/", import.meta.url).pathname;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-gguf-"));
  path = join(folder, "model.gguf");
});
afterEach(() => rm(folder, { recursive: true }));

async function contentOf(name: string, metadata: GgufContent["metadata"] = {}): Promise<GgufContent> {
  await using model = await openModelFolder(`${golden}models/${name}`);
  return await asGguf(model, metadata);
}

async function expectSameModel(gguf: string, name: string): Promise<void> {
  const model = await loadModelFolder(gguf);
  const original = await loadModelFolder(`${golden}models/${name}`);
  expect(model.shape).toEqual(original.shape);
  expect([...model.weights.keys()]).toEqual([...original.weights.keys()]);
  for (const [key, tensor] of original.weights) expect(model.weights.get(key), key).toEqual(tensor);
}

describe("openModelFolder of a GGUF file", () => {
  it("reads the file of the gguf package as the model it was made from", async () => {
    await expectSameModel(`${golden}gguf/llama-bfloat16.gguf`, "llama-bfloat16");
  });

  it.each<[string, GgufContent["metadata"]?]>([
    ["llama"],
    ["llama-gqa-tied"],
    ["llama-one-kv-head"],
    ["llama-head-dim"],
    ["llama-biases"],
    ["llama-rope-linear", { "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4 }],
    ["mistral-sliding-window", { "llama.attention.sliding_window": 8 }],
    ["qwen2"],
    ["qwen2-tied"],
    ["qwen3"],
    ["qwen3-tied-biases"],
  ])("reads %s as its folder is read", async (name, metadata) => {
    await writeFile(path, ggufBytes(await contentOf(name, metadata)));
    await expectSameModel(path, name);
  });

  it("writes settings as people do, not as float32 rounded them", async () => {
    await writeFile(path, ggufBytes(await contentOf("llama")));
    await using model = await openModelFolder(path);
    expect(model.config).toMatchObject({ model_type: "llama", rms_norm_eps: 1e-5, tie_word_embeddings: false });
  });

  it("recognises Llama 3.1's rotary scaling by its factors, and refuses others", async () => {
    const content = await contentOf("llama", { "llama.rope.freq_base": 10_000_000 });
    const withFactorsOf = (positions: number): GgufContent => {
      const factors = Float32Array.from({ length: 4 }, (_, i) => {
        const turns = (positions * 1e7 ** (-i / 4)) / (2 * Math.PI);
        return turns > 4 ? 1 : turns < 1 ? 8 : 1 / ((4 - turns) / 24 + (turns - 1) / 3);
      });
      const tensor = { name: "rope_freqs.weight", sizes: [4], data: floatBytes(factors) };
      return { ...content, tensors: [...content.tensors, tensor] };
    };
    await writeFile(path, ggufBytes(withFactorsOf(8192)));
    const { config } = await loadModelFolder(path);
    const range = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
    expect(config.rope_scaling).toEqual({ rope_type: "llama3", factor: 8, ...range });

    await writeFile(path, ggufBytes(withFactorsOf(32)));
    await expect(openModelFolder(path)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("must be those of Llama 3.1's scaling by 8, got [1"),
    });
  });

  it.each<[string, GgufContent["metadata"], string]>([
    ["an architecture", { "general.architecture": "gemma3" }, 'must be one of llama, qwen2, qwen3, got "gemma3"'],
    ["an adapter", { "general.type": "adapter" }, 'must hold a model, got general.type "adapter"'],
    ["a part of a model", { "split.count": 3 }, "must hold a whole model, got one of 3 parts"],
    ["experts", { "llama.expert_count": 8 }, "got a mixture of experts"],
    ["partial rotation", { "llama.rope.dimension_count": 4 }, "one size per head, got [8,null,4]"],
    ["rotary scaling", { "llama.rope.scaling.type": "yarn" }, 'must be none, linear or Llama 3\'s, got "yarn"'],
    ["a scale", { "llama.logit_scale": 0.5 }, 'must be that of a plain Llama or Qwen, got "llama.logit_scale"'],
  ])("refuses %s that it cannot compute with", async (_, metadata, message) => {
    await writeFile(path, ggufBytes(await contentOf("llama", { "llama.attention.key_length": 8, ...metadata })));
    await expect(openModelFolder(path)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining(message),
    });
  });

  it.each<[string, GgufContent["metadata"], string]>([
    [
      "a text for a number",
      { "llama.embedding_length": "32" },
      '"llama.embedding_length" must be one whole number, got "32"',
    ],
    ["a list for a number", { "llama.attention.head_count": [4, 4] }, "must be one whole number, got a list of 2"],
    [
      "absurdly many layers",
      { "llama.block_count": 4e9 },
      'the tensors of its 4000000000 layers, got none of "blk.3999999999"',
    ],
    ["another hidden size", { "llama.embedding_length": 64 }, "must have shape"],
    ["heads that do not divide the rows", { "llama.attention.head_count": 3 }, "got"],
  ])("names the key that is wrong: %s", async (_, metadata, message) => {
    await writeFile(path, ggufBytes(await contentOf("llama", metadata)));
    await expect(loadModelFolder(path)).rejects.toMatchObject({
      code: "MODEL",
      message: expect.stringContaining(message),
    });
  });

  it("refuses tensors that no plain model has, and names those that are missing", async () => {
    const content = await contentOf("llama");
    const extra = { name: "blk.0.ffn_gate_inp.weight", sizes: [4], data: new Uint8Array(16) };
    await writeFile(path, ggufBytes({ ...content, tensors: [...content.tensors, extra] }));
    await expect(openModelFolder(path)).rejects.toThrow('got "blk.0.ffn_gate_inp.weight"');
    for (const name of ["token_embd.weight", "blk.1.ffn_up.weight"]) {
      await writeFile(path, ggufBytes({ ...content, tensors: content.tensors.filter((each) => each.name !== name) }));
      await expect(loadModelFolder(path)).rejects.toMatchObject({ code: "MODEL" });
    }
  });

  it("has a fingerprint that changes with the weights", async () => {
    const content = await contentOf("llama-old-config");
    const fingerprintOf = async (bytes: Buffer) => {
      await writeFile(path, bytes);
      await using model = await openModelFolder(path);
      return await model.fingerprint();
    };
    const bytes = ggufBytes(content);
    const before = await fingerprintOf(bytes);
    expect(await fingerprintOf(bytes)).toBe(before);
    bytes[bytes.length - 40]! ^= 1;
    expect(await fingerprintOf(bytes)).not.toBe(before);
  });
});
