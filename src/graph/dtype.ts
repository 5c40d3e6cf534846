/** @file Element types of tensors and the typed arrays that hold them. */

export type DType = "float32" | "float64" | "int32" | "int64" | "uint8" | "bool";

export type FloatDType = "float32" | "float64";

export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** A typed array of `length` zeros for elements of `dtype`; booleans are bytes. */
export function allocate(dtype: DType, length: number): TensorData {
  switch (dtype) {
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
    case "int32":
      return new Int32Array(length);
    case "int64":
      return new BigInt64Array(length);
    case "uint8":
    case "bool":
      return new Uint8Array(length);
  }
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
