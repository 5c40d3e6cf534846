/** @file Element types of tensors and the typed arrays that hold them. */

import { ShapeError } from "../errors.js";
import { printShape } from "./dims.js";

export type DType = "float32" | "float64" | "int32" | "int64" | "int8" | "uint8" | "bool";

export type FloatDType = "float32" | "float64";

export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Int8Array | Uint8Array;

/** Booleans are bytes. */
const arrayTypes = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** A typed array of `length` zeros for elements of `dtype`. */
export function allocate(dtype: DType, length: number): TensorData {
  return new arrayTypes[dtype](length);
}

export function bytesPerElement(dtype: DType): number {
  return arrayTypes[dtype].BYTES_PER_ELEMENT;
}

/** Throws where an array is not of the type and the length that a tensor's dtype and sizes ask for. */
export function expectData(where: string, dtype: DType, dims: readonly number[], data: TensorData): void {
  const length = dims.reduce((product, dim) => product * dim, 1);
  if (data instanceof arrayTypes[dtype] && data.length === length) return;
  throw new ShapeError(
    `${where}: ${dtype} ${printShape(dims)} needs a ${arrayTypes[dtype].name} of ${length} values, ` +
      `got a ${data.constructor.name} of ${data.length}.`,
  );
}

/** Little-endian bytes, copied, as the typed array of `dtype`; undefined where they are no whole number of elements. */
export function fromBytes(dtype: DType, bytes: Uint8Array): TensorData | undefined {
  const arrayType = arrayTypes[dtype];
  if (bytes.length % arrayType.BYTES_PER_ELEMENT !== 0) return undefined;
  return new arrayType(Uint8Array.from(bytes).buffer);
}

/** `values` as the typed array of `dtype`. */
export function toTensorData(dtype: DType, values: readonly number[]): TensorData {
  const data = allocate(dtype, values.length);
  if (data instanceof BigInt64Array) for (const [i, value] of values.entries()) data[i] = BigInt(value);
  else data.set(values);
  return data;
}

export function isFloat(dtype: DType): dtype is FloatDType {
  return dtype === "float32" || dtype === "float64";
}
