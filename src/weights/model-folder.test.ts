/** @file Model folders in and out: those of transformers, our own, and incomplete ones. */

import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ModelError } from "../errors.js";
import { openModelFolder } from "./model-folder.js";
import type { NamedTensor } from "./safetensors-writer.js";
import { writeModelFolder } from "./write-model-folder.js";

const golden = new URL("../../test/golden/weights/", import.meta.url).pathname;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-model-"));
  path = join(folder, "model");
});
afterEach(() => rm(folder, { recursive: true }));

const config = { architectures: ["LlamaForCausalLM"], model_type: "llama", dtype: "bfloat16" };
const tensor = (name: string, ...values: number[]): NamedTensor => ({
  name,
  shape: [values.length],
  data: Float32Array.from(values),
});
const tensors = [tensor("b", 1, 2, 3), tensor("a", 4, 5), tensor("c", 6)];

describe("openModelFolder", () => {
  it.each(["single", "sharded"])("reads the %s folder of transformers as transformers does", async (name) => {
    const expected: Record<string, string> = JSON.parse(await readFile(join(golden, "folders.json"), "utf8")).sha256[
      name
    ];
    await using model = await openModelFolder(join(golden, name));
    expect(model.names()).toEqual(Object.keys(expected).sort());
    for (const key of model.names()) {
      const hash = createHash("sha256").update(new Uint8Array((await model.readFloat32(key)).buffer));
      expect(hash.digest("hex"), key).toBe(expected[key]);
    }
    expect(model.config).toMatchObject({ model_type: "llama", hidden_size: 8 });
    expect(model.info("lm_head.weight").shape).toEqual([16, 8]);
    expect(model.has("lm_head.weight")).toBe(true);
    expect(model.has("absent")).toBe(false);
  });

  it("counts the bytes of all weight files", async () => {
    await using model = await openModelFolder(join(golden, "sharded"));
    expect(model.bytesOnDisk).toBe(2272 + 2888 + 1952);
  });

  it("names tensor, expected and found shape when config.json and weights contradict each other", async () => {
    await using model = await openModelFolder(join(golden, "single"));
    expect(() => model.expectShape("lm_head.weight", [16, 8])).not.toThrow();
    expect(() => model.expectShape("lm_head.weight", [32, 8])).toThrow(
      'tensor "lm_head.weight" must have shape [32,8] by config.json, got [16,8].',
    );
    expect(() => model.expectShape("lm_head.weight", [16])).toThrow(ModelError);
    expect(() => model.expectShape("absent", [16])).toThrow('weights must hold tensor "absent", got 21 others.');
  });

  it.each<[string, string, RegExp]>([
    ["no such path", "absent", /must be a model folder, got no such path/],
    ["a file", "mixed.json", /must be a model folder, got a file/],
    ["a folder without config.json", ".", /config.json": must be a JSON file, got no such file/],
  ])("explains %s", async (_, name, message) => {
    const error = await openModelFolder(join(golden, name)).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(message);
    expect(error.hint).toContain("A model folder holds config.json");
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ["config.json that is not JSON", { "config.json": "{" }, /config.json": must be JSON, got/],
    ["config.json that is a list", { "config.json": "[]" }, /must hold a JSON object, got a list/],
    ["no weights", { "config.json": "{}" }, /must hold model.safetensors or its shards, got neither/],
    [
      "pickled weights",
      { "config.json": "{}", "pytorch_model.bin": "" },
      /must be safetensors, got only "pytorch_model.bin"/,
    ],
    [
      "an index without a map",
      { "config.json": "{}", "model.safetensors.index.json": "{}" },
      /weight_map must map tensors to files/,
    ],
    [
      "an index that leaves the folder",
      { "config.json": "{}", "model.safetensors.index.json": '{"weight_map":{"a":"../a.safetensors"}}' },
      /must name a file in this folder, got "..\/a.safetensors"/,
    ],
  ])("explains %s", async (_, files, message) => {
    await mkdir(path);
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
    const error = await openModelFolder(path).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(message);
  });

  it("explains a missing shard", async () => {
    await cp(join(golden, "sharded"), path, { recursive: true });
    await rm(join(path, "model-00002-of-00003.safetensors"));
    await expect(openModelFolder(path)).rejects.toThrow(
      /shard "model-00002-of-00003.safetensors" \(of tensor ".*"\) must be in the folder/,
    );
  });

  it("explains an index that names a tensor its shard does not hold", async () => {
    await cp(join(golden, "sharded"), path, { recursive: true });
    const index = join(path, "model.safetensors.index.json");
    await writeFile(index, (await readFile(index, "utf8")).replace("lm_head.weight", "head.weight"));
    await expect(openModelFolder(path)).rejects.toThrow(
      /tensor "head.weight" must be in shard "model-00003-of-00003.safetensors"/,
    );
  });
});

describe("fingerprint", () => {
  const fingerprint = async (written: Parameters<typeof writeModelFolder>[1]) => {
    await writeModelFolder(path, { ...written, replace: true });
    await using model = await openModelFolder(path);
    const value = await model.fingerprint();
    expect(await model.fingerprint()).toBe(value);
    return value;
  };

  it("does not depend on sharding, but on config and every weight", async () => {
    const base = await fingerprint({ config, tensors, dtype: "float32" });
    expect(base).toMatch(/^[0-9a-f]{64}$/);
    expect(await fingerprint({ config, tensors, dtype: "float32", maxShardBytes: 8 })).toBe(base);
    expect(await fingerprint({ config: { ...config, vocab_size: 1 }, tensors, dtype: "float32" })).not.toBe(base);
    expect(await fingerprint({ config, tensors: [...tensors.slice(0, 2), tensor("c", 7)], dtype: "float32" })).not.toBe(
      base,
    );
  });
});

describe("writeModelFolder", () => {
  it("writes config.json with the type of the weights, and one file", async () => {
    await writeModelFolder(path, { config, tensors, dtype: "float16" });
    expect((await readdir(path)).sort()).toEqual(["config.json", "model.safetensors"]);
    await using model = await openModelFolder(path);
    expect(model.config).toEqual({ architectures: ["LlamaForCausalLM"], model_type: "llama", torch_dtype: "float16" });
    expect(model.info("a").dtype).toBe("F16");
    expect([...(await model.readFloat32("a"))]).toEqual([4, 5]);
  });

  it("splits weights into shards that stay below the limit", async () => {
    await writeModelFolder(path, { config, tensors, dtype: "float32", maxShardBytes: 12 });
    expect((await readdir(path)).sort()).toEqual([
      "config.json",
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
    ]);
    expect(JSON.parse(await readFile(join(path, "model.safetensors.index.json"), "utf8"))).toEqual({
      metadata: { total_size: 24 },
      weight_map: {
        a: "model-00002-of-00002.safetensors",
        b: "model-00001-of-00002.safetensors",
        c: "model-00002-of-00002.safetensors",
      },
    });
    await using model = await openModelFolder(path);
    expect([...(await model.readFloat32("b"))]).toEqual([1, 2, 3]);
  });

  it("copies the tokenizer's files byte for byte and leaves other files behind", async () => {
    const source = join(folder, "source");
    await mkdir(source);
    const files = { "tokenizer.json": '{"é": 1 }', "chat_template.jinja": "{{ a }}\n", "generation_config.json": "{}" };
    for (const [name, text] of Object.entries(files)) await writeFile(join(source, name), text);
    await writeFile(join(source, "README.md"), "not copied");
    await writeModelFolder(path, { config, tensors, dtype: "float32", copyFrom: source });
    for (const [name, text] of Object.entries(files)) expect(await readFile(join(path, name), "utf8")).toBe(text);
    expect(await readdir(path)).toHaveLength(5);
  });

  it("replaces a model only when told to, and may copy from the one it replaces", async () => {
    await writeModelFolder(path, { config, tensors, dtype: "float32" });
    await writeFile(join(path, "tokenizer.json"), "{}");
    await expect(writeModelFolder(path, { config, tensors, dtype: "float32" })).rejects.toMatchObject({ code: "FILE" });
    await writeModelFolder(path, {
      config,
      tensors: [tensor("new", 1)],
      dtype: "float32",
      replace: true,
      copyFrom: path,
    });
    await using model = await openModelFolder(path);
    expect(model.names()).toEqual(["new"]);
    expect(await readdir(path)).toContain("tokenizer.json");
  });

  it("does not replace a folder that holds no model", async () => {
    await mkdir(path);
    await writeFile(join(path, "thesis.tex"), "precious");
    const write = writeModelFolder(path, { config, tensors, dtype: "float32", replace: true });
    await expect(write).rejects.toThrow(/must be a model folder to be replaced, got one without config.json/);
    expect(await readdir(path)).toEqual(["thesis.tex"]);
  });

  it("leaves nothing behind when a tensor fails half way", async () => {
    const failing = { name: "z", shape: [1], data: () => Promise.reject(new Error("gone")) };
    const write = writeModelFolder(path, {
      config,
      tensors: [...tensors, failing],
      dtype: "float32",
      maxShardBytes: 8,
    });
    await expect(write).rejects.toThrow("gone");
    expect(await readdir(folder)).toEqual([]);
  });

  it("refuses a name that repeats across shards and a tokenizer folder that is not there", async () => {
    const twice = [tensor("a", 1, 2), tensor("b", 1, 2), tensor("a", 3, 4)];
    const write = writeModelFolder(path, { config, tensors: twice, dtype: "float32", maxShardBytes: 8 });
    await expect(write).rejects.toThrow('tensor names must be unique, got "a" again.');
    const copy = writeModelFolder(path, { config, tensors, dtype: "float32", copyFrom: join(folder, "absent") });
    await expect(copy).rejects.toThrow(/must be a folder with tokenizer files, got ENOENT/);
    expect(await readdir(folder)).toEqual([]);
  });
});
