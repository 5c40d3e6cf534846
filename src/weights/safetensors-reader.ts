/** @file Reads safetensors files: the header is validated when opened, a tensor's bytes are read when asked for, as float32. */

import type { FileHandle } from "node:fs/promises";
import { ModelError } from "../errors.js";
import { openFile, readExactly, readPieces } from "./read-file.js";
import {
  elementCount,
  maximumHeaderBytes,
  parseHeader,
  prefixBytes,
  type SafetensorsHeader,
  type TensorInfo,
} from "./safetensors-header.js";
import { widenBfloat16, widenFloat16 } from "./sixteen-bit-floats.js";
import type { WeightsFile } from "./weights-file.js";

/**
 * Opens a safetensors file and validates its header against the file's size.
 *
 * @throws ModelError if the file is missing, truncated, or its header is damaged or contradicts itself.
 * @example
 * await using file = await openSafetensors("model.safetensors");
 * const embedding = await file.readFloat32("model.embed_tokens.weight");
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  return openFile(
    path,
    "safetensors",
    async (handle, bytes) => new SafetensorsFile(path, handle, bytes, await readHeader(handle, path, bytes)),
  );
}

/** An open safetensors file. Reads may overlap each other; `close` it when done. */
export class SafetensorsFile implements WeightsFile {
  readonly path: string;
  readonly bytesOnDisk: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #handle: FileHandle;
  readonly #tensors: ReadonlyMap<string, TensorInfo>;

  /** @internal Use {@link openSafetensors}. */
  constructor(path: string, handle: FileHandle, bytesOnDisk: number, header: SafetensorsHeader) {
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

  /** @throws ModelError if there is no such tensor. */
  info(name: string): TensorInfo {
    const info = this.#tensors.get(name);
    if (info !== undefined) return info;
    throw new ModelError(`"${this.path}": must hold tensor "${name}", got ${this.#tensors.size} others.`);
  }

  /**
   * Reads one tensor as float32, whatever float type it is stored in: F16 and BF16 widen exactly, F64 rounds.
   *
   * @returns row-major, as many values as its shape holds.
   * @throws ModelError if there is no such tensor, it is not F32, F16, BF16 or F64, or the file changed meanwhile.
   */
  async readFloat32(name: string): Promise<Float32Array> {
    const { dtype, shape, start } = this.info(name);
    const values = new Float32Array(elementCount(shape));
    if (dtype === "F32") {
      await readExactly(this.#handle, new Uint8Array(values.buffer), start, this.path);
      return values;
    }
    const widen = widenInto[dtype];
    if (widen === undefined) {
      throw new ModelError(`"${this.path}": tensor "${name}" must be F32, F16, BF16 or F64, got ${dtype}.`);
    }
    let done = 0;
    for await (const piece of this.readBytes(name)) done += widen(piece, values.subarray(done));
    return values;
  }

  /** The tensor's stored bytes, in order. A piece is overwritten when the next one is asked for. */
  readBytes(name: string): AsyncGenerator<Uint8Array> {
    return readPieces(this.#handle, this.info(name), 1, this.path);
  }

  /**
   * Stored bytes of a tensor, from `from` to `to` within it.
   *
   * @throws ModelError if there is no such tensor, it has no such bytes, or the file changed meanwhile.
   */
  async readRange(name: string, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const { start, end } = this.info(name);
    if (from < 0 || from > to || to > end - start) {
      throw new ModelError(
        `"${this.path}": tensor "${name}" has ${end - start} bytes, got a range from ${from} to ${to}.`,
      );
    }
    const bytes = new Uint8Array(to - from);
    await readExactly(this.#handle, bytes, start + from, this.path);
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Converts stored bytes to the first values of `target`; returns how many. */
type Widen = (bytes: Uint8Array, target: Float32Array) => number;

const widenInto: { readonly [dtype in TensorInfo["dtype"]]?: Widen } = {
  F16: (bytes, target) => widenFloat16(new Uint16Array(bytes.buffer, 0, bytes.length / 2), target),
  BF16: (bytes, target) => widenBfloat16(new Uint16Array(bytes.buffer, 0, bytes.length / 2), target),
  F64: (bytes, target) => {
    const source = new Float64Array(bytes.buffer, 0, bytes.length / 8);
    target.set(source);
    return source.length;
  },
};

const damagedHint = "Check that it is a safetensors file, and download or write it again.";
const pointerHint = "This looks like a Git LFS pointer: fetch the file itself with `git lfs pull`.";

async function readHeader(handle: FileHandle, path: string, fileBytes: number): Promise<SafetensorsHeader> {
  if (fileBytes < prefixBytes) {
    throw new ModelError(`"${path}": must begin with ${prefixBytes} bytes of header length, got ${fileBytes} bytes.`, {
      hint: damagedHint,
    });
  }
  const prefix = Buffer.alloc(prefixBytes);
  await readExactly(handle, prefix, 0, path);
  const headerBytes = prefix.readBigUInt64LE();
  const limit = Math.min(maximumHeaderBytes, fileBytes - prefixBytes);
  if (headerBytes > limit) {
    const reason = limit === maximumHeaderBytes ? "the format's limit" : "the rest of the file";
    throw new ModelError(`"${path}": header must be at most ${limit} bytes (${reason}), got ${headerBytes}.`, {
      hint: prefix.toString("latin1") === "version " ? pointerHint : damagedHint,
    });
  }
  const json = new Uint8Array(Number(headerBytes));
  await readExactly(handle, json, prefixBytes, path);
  return parseHeader(json, path, fileBytes);
}
