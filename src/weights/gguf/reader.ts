/** @file Reads GGUF files: the header is validated when opened, a tensor is read and dequantized when asked for. */

import type { FileHandle } from "node:fs/promises";
import { ModelError } from "../../errors.js";
import { openFile, readPieces } from "../read-file.js";
import { elementCount } from "../safetensors-header.js";
import type { WeightsFile } from "../weights-file.js";
import type { MetadataValue } from "./cursor.js";
import { type GgufHeader, type GgufTensor, readHeader } from "./header.js";

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
  return openFile(
    path,
    "GGUF",
    async (handle, bytes) => new GgufFile(path, handle, bytes, await readHeader(handle, path, bytes)),
  );
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
  readBytes(name: string): AsyncGenerator<Uint8Array> {
    return readPieces(this.#handle, this.info(name), this.info(name).type.bytes, this.path);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
