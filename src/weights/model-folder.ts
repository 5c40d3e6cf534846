/** @file A model, opened for reading: a Hugging Face folder with safetensors weights in one file or in shards, or a GGUF file. */

import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ModelError, show } from "../errors.js";
import { adapterConfigFileName } from "./adapter/adapter-config.js";
import { openAdapterFolder } from "./adapter/adapter-folder.js";
import { openGgufModel } from "./gguf/model.js";
import { isGguf } from "./gguf/reader.js";
import { configFileName, weightsFileName, weightsIndexFileName } from "./model-files.js";
import { openSafetensors, type SafetensorsFile } from "./safetensors-reader.js";
import type { StoredTensor, WeightsFile } from "./weights-file.js";

const folderHint =
  "A model folder holds config.json, model.safetensors (or its shards with model.safetensors.index.json) and the tokenizer's files.";

/**
 * Opens a model folder, or a GGUF file as if it were one: its tensors have their Hugging Face names, row orders and shapes. The
 * folder of a low-rank adapter is opened as its base model with the adapter merged, that of a soft prompt as its base and the prompt.
 * Every header is validated now; tensors are read when asked for.
 *
 * @throws ModelError if the folder, config.json, the weights, a shard or a tensor named by the index is missing or damaged;
 *   UnsupportedError for a GGUF file of an architecture or a tensor type that is not read.
 */
export async function openModelFolder(path: string): Promise<ModelFolder> {
  if (isGguf(path)) {
    const { config, weights } = await openGgufModel(path);
    return new ModelFolder(path, config, new Map(weights.names().map((name) => [name, weights])), [weights]);
  }
  await expectFolder(path);
  if (await isAdapter(path)) {
    const { config, weights, virtualTokens } = await openAdapterFolder(path, openModelFolder);
    const fileOf = new Map(weights.names().map((name) => [name, weights]));
    return new ModelFolder(path, config, fileOf, [weights], virtualTokens);
  }
  const config = await readJsonObject(join(path, configFileName));
  const shards: SafetensorsFile[] = [];
  try {
    return new ModelFolder(path, config, await openWeights(path, shards), shards);
  } catch (error) {
    for (const shard of shards) await shard.close();
    throw error;
  }
}

/** An open model. Reads may overlap each other; `close` it when done. */
export class ModelFolder implements AsyncDisposable {
  readonly path: string;
  /** config.json as it stands, or as a GGUF file's metadata have it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Size of the weight files, headers included. */
  readonly bytesOnDisk: number;
  /** Vectors of the soft prompt that stands before every text; 0 where there is none. */
  readonly virtualTokens: number;
  readonly #fileOf: ReadonlyMap<string, WeightsFile>;
  readonly #files: readonly WeightsFile[];
  #fingerprint: Promise<string> | undefined;

  /** @internal Use {@link openModelFolder}. */
  constructor(
    path: string,
    config: Readonly<Record<string, unknown>>,
    fileOf: ReadonlyMap<string, WeightsFile>,
    files: readonly WeightsFile[],
    virtualTokens = 0,
  ) {
    this.path = path;
    this.config = config;
    this.bytesOnDisk = files.reduce((sum, file) => sum + file.bytesOnDisk, 0);
    this.virtualTokens = virtualTokens;
    this.#fileOf = fileOf;
    this.#files = files;
  }

  /** Names of all tensors, sorted. */
  names(): string[] {
    return [...this.#fileOf.keys()].sort();
  }

  has(name: string): boolean {
    return this.#fileOf.has(name);
  }

  /** @throws ModelError if there is no such tensor. */
  info(name: string): StoredTensor {
    return this.#file(name).info(name);
  }

  /** Reads one tensor as float32; see {@link SafetensorsFile.readFloat32}; quantized types of GGUF are dequantized. */
  async readFloat32(name: string): Promise<Float32Array> {
    return this.#file(name).readFloat32(name);
  }

  /** A tensor's stored bytes, in order. A piece is overwritten when the next one is asked for. */
  readBytes(name: string): AsyncGenerator<Uint8Array> {
    return this.#file(name).readBytes(name);
  }

  /**
   * Checks a tensor's shape before it is read.
   *
   * @param shape - the shape that follows from config.json.
   * @throws ModelError if the tensor is missing or has another shape.
   */
  expectShape(name: string, shape: readonly number[]): void {
    const got = this.info(name).shape;
    if (got.length === shape.length && got.every((size, axis) => size === shape[axis])) return;
    throw new ModelError(
      `"${this.#file(name).path}": tensor "${name}" must have shape ${show(shape)} by config.json, got ${show(got)}.`,
      {
        hint: "Use the config.json that belongs to these weights.",
        details: { tensor: name, expected: shape, got },
      },
    );
  }

  /** SHA-256 over the config and every tensor's name, type, shape and bytes; the same however the weights are sharded. */
  fingerprint(): Promise<string> {
    this.#fingerprint ??= this.#computeFingerprint();
    return this.#fingerprint;
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #file(name: string): WeightsFile {
    const file = this.#fileOf.get(name);
    if (file !== undefined) return file;
    throw new ModelError(`"${this.path}": weights must hold tensor "${name}", got ${this.#fileOf.size} others.`, {
      hint: "Check that config.json belongs to these weights.",
      details: { tensor: name, names: this.names().slice(0, 20) },
    });
  }

  async #computeFingerprint(): Promise<string> {
    const hash = createHash("sha256").update(JSON.stringify(this.config));
    for (const name of this.names()) {
      const { dtype, shape } = this.info(name);
      hash.update(JSON.stringify([name, dtype, shape]));
      for await (const piece of this.readBytes(name)) hash.update(piece);
    }
    return hash.digest("hex");
  }
}

async function expectFolder(path: string): Promise<void> {
  const stats = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const problem = cause.code === "ENOENT" ? "no such path" : cause.message;
    throw new ModelError(`"${path}": must be a model folder, got ${problem}.`, { hint: folderHint, cause });
  });
  if (!stats.isDirectory()) {
    throw new ModelError(`"${path}": must be a model folder, got a file.`, { hint: `Give the folder. ${folderHint}` });
  }
}

async function isAdapter(path: string): Promise<boolean> {
  const present = new Set(await readdir(path));
  return present.has(adapterConfigFileName) && !present.has(weightsFileName) && !present.has(weightsIndexFileName);
}

/** Opens one file or all shards, adding each to `opened`; returns which file holds which tensor. */
async function openWeights(path: string, opened: SafetensorsFile[]): Promise<Map<string, SafetensorsFile>> {
  const present = new Set(await readdir(path));
  if (present.has(weightsFileName)) {
    const file = await openSafetensors(join(path, weightsFileName));
    opened.push(file);
    return new Map(file.names().map((name) => [name, file]));
  }
  if (!present.has(weightsIndexFileName)) throw noWeights(path, present);

  const fileOf = new Map<string, SafetensorsFile>();
  const shards = new Map<string, SafetensorsFile>();
  const index = join(path, weightsIndexFileName);
  for (const [name, fileName] of await readWeightMap(index)) {
    let shard = shards.get(fileName);
    if (shard === undefined) {
      if (!present.has(fileName)) {
        throw new ModelError(
          `"${index}": shard "${fileName}" (of tensor "${name}") must be in the folder, got no such file.`,
          {
            hint: "Download the missing shard.",
          },
        );
      }
      shard = await openSafetensors(join(path, fileName));
      opened.push(shard);
      shards.set(fileName, shard);
    }
    if (!shard.has(name)) {
      throw new ModelError(
        `"${index}": tensor "${name}" must be in shard "${fileName}", got ${shard.names().length} others there.`,
        {
          hint: "Download the index and its shards again: they do not belong together.",
        },
      );
    }
    fileOf.set(name, shard);
  }
  return fileOf;
}

async function readWeightMap(index: string): Promise<[tensor: string, fileName: string][]> {
  const { weight_map: weightMap } = await readJsonObject(index);
  if (typeof weightMap !== "object" || weightMap === null) {
    throw new ModelError(`"${index}": weight_map must map tensors to files, got ${show(weightMap)}.`);
  }
  const entries = Object.entries(weightMap);
  for (const [name, fileName] of entries) {
    if (typeof fileName !== "string" || fileName !== basename(fileName)) {
      throw new ModelError(
        `"${index}": weight_map of "${name}" must name a file in this folder, got ${show(fileName)}.`,
      );
    }
  }
  return entries;
}

function noWeights(path: string, present: ReadonlySet<string>): ModelError {
  const pickle = [...present].find((name) => /^pytorch_model.*\.bin$/.test(name));
  if (pickle === undefined) {
    return new ModelError(`"${path}": must hold ${weightsFileName} or its shards, got neither.`, { hint: folderHint });
  }
  return new ModelError(
    `"${path}": weights must be safetensors, got only "${pickle}", which can run code when it is loaded.`,
    {
      hint: "Convert it once with transformers: `model.save_pretrained(folder, safe_serialization=True)`.",
    },
  );
}

async function readJsonObject(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const problem = cause.code === "ENOENT" ? "no such file" : cause.message;
    throw new ModelError(`"${path}": must be a JSON file, got ${problem}.`, { hint: folderHint, cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ModelError(`"${path}": must be JSON, got ${(cause as Error).message}.`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ModelError(`"${path}": must hold a JSON object, got ${Array.isArray(value) ? "a list" : show(value)}.`);
  }
  return value as Record<string, unknown>;
}
