/** @file A GGUF file as a model folder sees it: config.json, and weights by their Hugging Face names with their rows in order. */

import { ModelError, show, UnsupportedError } from "../../errors.js";
import type { StoredTensor, WeightsFile } from "../weights-file.js";
import { expectEmbeddings, readArchitecture, readConfig } from "./config.js";
import { Metadata } from "./metadata.js";
import { huggingFaceName, ropeFactorsName } from "./names.js";
import { type GgufFile, openGguf } from "./reader.js";

export interface GgufModel {
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: WeightsFile;
}

/**
 * Opens a GGUF file as a model.
 *
 * @throws ModelError if the file is damaged; UnsupportedError for an architecture, a tensor or a tensor type that is not read.
 */
export async function openGgufModel(path: string): Promise<GgufModel> {
  const file = await openGguf(path);
  try {
    const metadata = new Metadata(file);
    const architecture = readArchitecture(metadata);
    const names = mapNames(file);
    const tensors = { has: (name: string) => file.has(name), shapeOf: (name: string) => file.info(name).shape };
    expectEmbeddings(path, tensors);
    const ropeFactors = file.has(ropeFactorsName) ? await file.readFloat32(ropeFactorsName) : undefined;
    const config = readConfig(metadata, { ...tensors, ropeFactors });
    const heads = { q_proj: config.num_attention_heads as number, k_proj: config.num_key_value_heads as number };
    return { config, weights: new GgufWeights(file, names, architecture === "llama" ? heads : undefined) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Hugging Face name to the file's own, for every weight. */
function mapNames(file: GgufFile): ReadonlyMap<string, string> {
  const names = file.names().filter((name) => name !== ropeFactorsName);
  return new Map(
    names.map((name) => {
      const known = huggingFaceName(name);
      if (known !== undefined) return [known, name];
      throw new UnsupportedError(
        `"${file.path}": tensors must be those of a plain Llama or Qwen model, got ${show(name)}.`,
      );
    }),
  );
}

/** How many heads the rows of the query and key projections belong to. */
interface HeadCounts {
  readonly q_proj: number;
  readonly k_proj: number;
}

class GgufWeights implements WeightsFile {
  readonly path: string;
  readonly bytesOnDisk: number;
  readonly #file: GgufFile;
  readonly #names: ReadonlyMap<string, string>;
  readonly #interleaved: HeadCounts | undefined;

  constructor(file: GgufFile, names: ReadonlyMap<string, string>, interleaved: HeadCounts | undefined) {
    this.path = file.path;
    this.bytesOnDisk = file.bytesOnDisk;
    this.#file = file;
    this.#names = names;
    this.#interleaved = interleaved;
  }

  names(): string[] {
    return [...this.#names.keys()];
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  info(name: string): StoredTensor {
    return this.#file.info(this.#ownName(name));
  }

  async readFloat32(name: string): Promise<Float32Array> {
    const values = await this.#file.readFloat32(this.#ownName(name));
    const projection = /\.(q_proj|k_proj)\./.exec(name)?.[1] as keyof HeadCounts | undefined;
    if (this.#interleaved === undefined || projection === undefined) return values;
    const rows = this.info(name).shape[0]!;
    const heads = this.#interleaved[projection];
    if (rows % (2 * heads) === 0) return separateHalves(values, rows, heads);
    throw new ModelError(`"${this.path}": rows of "${name}" must be a multiple of ${2 * heads}, got ${rows}.`);
  }

  readBytes(name: string): AsyncGenerator<Uint8Array> {
    return this.#file.readBytes(this.#ownName(name));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #ownName(name: string): string {
    const own = this.#names.get(name);
    if (own !== undefined) return own;
    throw new ModelError(`"${this.path}": must hold tensor "${name}", got ${this.#names.size} others.`);
  }
}

/**
 * Puts the rows of a projection back in Hugging Face's order: in each head the first features of all rotated pairs, then the
 * second ones. Llama files of GGUF have the two features of a pair side by side.
 *
 * @param values - `[rows]` or `[rows, columns]`.
 */
function separateHalves(values: Float32Array, rows: number, heads: number): Float32Array {
  const separated = new Float32Array(values.length);
  const columns = values.length / rows;
  const headDim = rows / heads;
  for (let row = 0; row < rows; row++) {
    const inHead = row % headDim;
    const target = row - inHead + (inHead % 2) * (headDim / 2) + (inHead >> 1);
    separated.set(values.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return separated;
}
