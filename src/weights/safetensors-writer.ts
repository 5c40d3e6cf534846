/** @file Writes safetensors files: streamed tensor by tensor, under a temporary name until complete. */

import type { FileHandle } from "node:fs/promises";
import { ModelError, show } from "../errors.js";
import { writeFileAtomically } from "./atomic-write.js";
import { elementCount, formatHeader, type TensorDtype } from "./safetensors-header.js";
import { narrowToBfloat16, narrowToFloat16 } from "./sixteen-bit-floats.js";

/** A float type that weights are written in. */
export type WeightDtype = "float32" | "bfloat16" | "float16";

/** A tensor to be written. Where `data` is a function, it is called once, when its turn comes. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Row-major, as many values as `shape` holds. */
  readonly data: Float32Array | (() => Float32Array | Promise<Float32Array>);
}

/** How {@link writeSafetensors} stores the tensors. */
export interface SafetensorsOptions {
  /** Default float32. The 16-bit types round to the nearest, ties to even. */
  readonly dtype?: WeightDtype;
  /** Notes for the header, such as `{ format: "pt" }`, which transformers asks for. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Bytes per value of each type that can be written. */
export const bytesPerWeight: Readonly<Record<WeightDtype, number>> = { float32: 4, bfloat16: 2, float16: 2 };

const fileDtype: Readonly<Record<WeightDtype, TensorDtype>> = { float32: "F32", bfloat16: "BF16", float16: "F16" };

/** Values converted and written at a time. */
const pieceLength = 2 ** 20;

/**
 * Writes tensors, sorted by name, to a safetensors file that appears complete or not at all.
 *
 * @throws ModelError if a name repeats, data does not fill its shape, or a finite value is too large for a 16-bit type.
 * @throws LimbeckError `FILE` if the system refuses, such as on a full disk.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<NamedTensor>,
  { dtype = "float32", metadata = {} }: SafetensorsOptions = {},
): Promise<void> {
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  expectUniqueNames(sorted);
  await writeFileAtomically(path, async (file) => {
    const typed = sorted.map(({ name, shape }) => ({ name, shape, dtype: fileDtype[dtype] }));
    await writeAll(file, formatHeader(typed, metadata));
    for (const tensor of sorted) {
      const where = `tensor ${show(tensor.name)}`;
      const values = typeof tensor.data === "function" ? await tensor.data() : tensor.data;
      if (values.length !== elementCount(tensor.shape)) {
        throw new ModelError(
          `${where}: data must hold ${elementCount(tensor.shape)} values for shape ${show(tensor.shape)}, got ${values.length}.`,
        );
      }
      await writeValues(file, values, dtype, where);
    }
  });
}

/** A tensor that is stored as it is, whatever its type. */
export interface StoredBytes {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** Row-major, little-endian, in pieces. */
  readonly pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Writes tensors of any type, in the order given, to a safetensors file that appears complete or not at all.
 *
 * @throws LimbeckError `FILE` if the system refuses.
 */
export async function writeStoredTensors(
  path: string,
  tensors: readonly StoredBytes[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  await writeFileAtomically(path, async (file) => {
    await writeAll(file, formatHeader(tensors, metadata));
    for (const { pieces } of tensors) for await (const piece of pieces) await writeAll(file, piece);
  });
}

/** @throws ModelError if a name repeats, or is the format's own key. */
export function expectUniqueNames(tensors: readonly NamedTensor[]): void {
  const seen = new Set<string>(["__metadata__"]);
  for (const { name } of tensors) {
    if (seen.has(name)) throw new ModelError(`weights: tensor names must be unique, got ${show(name)} again.`);
    seen.add(name);
  }
}

async function writeValues(file: FileHandle, values: Float32Array, dtype: WeightDtype, where: string): Promise<void> {
  const narrow = { float32: undefined, bfloat16: narrowToBfloat16, float16: narrowToFloat16 }[dtype];
  const narrowed = new Uint16Array(narrow === undefined ? 0 : Math.min(pieceLength, values.length));
  for (let start = 0; start < values.length; start += pieceLength) {
    const piece = values.subarray(start, start + pieceLength);
    if (narrow === undefined) {
      await writeAll(file, bytesOf(piece));
      continue;
    }
    const overflow = narrow(piece, narrowed);
    if (overflow >= 0) {
      const got = `${piece[overflow]} at index ${start + overflow}`;
      throw new ModelError(`${where}: values must fit into ${dtype}, got ${got}.`, {
        hint: dtype === "float16" ? "Write bfloat16 or float32." : "Write float32.",
      });
    }
    await writeAll(file, bytesOf(narrowed.subarray(0, piece.length)));
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
}

function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
