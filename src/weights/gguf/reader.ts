/** @file Reads GGUF files: the header is validated when opened, a tensor is read and dequantized when asked for. */

import { type FileHandle, open } from "node:fs/promises";
import { ModelError } from "../../errors.js";
import { readExactly } from "../read-exactly.js";
import { elementCount } from "../safetensors-header.js";
import type { WeightsFile } from "../weights-file.js";
import type { MetadataValue } from "./cursor.js";
import { type GgufHeader, type GgufTensor, readHeader } from "./header.js";

/** Pieces for converting: large enough to hide the cost of a call, small enough to stay in the processor's cache. */
const pieceBytes = 2 ** 20;

/** True for a path that names a GGUF file, by its ending. */
export function isGguf(path: string): boolean {
  return path.toLowerCase().endsWith(".gguf");
}

/**
 * Opens a GGUF file and validates its header against the file's size.
 *
 * @throws ModelError if the file is missing, truncated or damaged; UnsupportedError for a tensor type that is not read.
 */
export async function openGguf(path: string): Promise<GgufFile> {
  const handle = await open(path, "r").catch((cause: NodeJS.ErrnoException) => {
    const problem = cause.code === "ENOENT" ? "no such file" : cause.message;
    throw new ModelError(`"${path}": must be a GGUF file, got ${problem}.`, { cause });
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new ModelError(`"${path}": must be a GGUF file, got a folder or device.`);
    return new GgufFile(path, handle, stats.size, await readHeader(handle, path, stats.size));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** An open GGUF file. Reads may overlap each other; `close` it when done. */
export class GgufFile implements WeightsFile {
  readonly path: string;
  readonly bytesOnDisk: number;
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  readonly #handle: FileHandle;
  readonly #tensors: ReadonlyMap<string, GgufTensor>;

  /** @internal Use {@link openGguf}. */
  constructor(path: string, handle: FileHandle, bytesOnDisk: number, header: GgufHeader) {
    this.path = path;
    this.bytesOnDisk = bytesOnDisk;
    this.metadata = header.metadata;
    this.#handle = handle;
    this.#tensors = header.tensors;
  }

  /** Names in the order of their bytes. */
  names(): string[] {
    return [...this.#tensors.keys()];
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  info(name: string): GgufTensor {
    const info = this.#tensors.get(name);
    if (info !== undefined) return info;
    throw new ModelError(`"${this.path}": must hold tensor "${name}", got ${this.#tensors.size} others.`);
  }

  /**
   * Reads one tensor as float32, dequantized as the `gguf` Python package does.
   *
   * @returns row-major, as many values as its shape holds.
   */
  async readFloat32(name: string): Promise<Float32Array> {
    const { type, shape } = this.info(name);
    const values = new Float32Array(elementCount(shape));
    let done = 0;
    for await (const piece of this.readBytes(name)) {
      const elements = (piece.length / type.bytes) * type.elements;
      type.dequantize(piece, values.subarray(done, done + elements));
      done += elements;
    }
    return values;
  }

  /** The tensor's stored bytes, in pieces of whole blocks. A piece is overwritten when the next one is asked for. */
  async *readBytes(name: string): AsyncGenerator<Uint8Array> {
    const { start, end, type } = this.info(name);
    const wholeBlocks = Math.floor(pieceBytes / type.bytes) * type.bytes;
    const buffer = new Uint8Array(Math.min(wholeBlocks, end - start));
    for (let position = start; position < end; position += buffer.length) {
      const piece = buffer.subarray(0, end - position);
      await readExactly(this.#handle, piece, position, this.path);
      yield piece;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
