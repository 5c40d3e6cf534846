/** @file Tensors as plain data, on the JavaScript side of the engine. */

import type { DType, TensorData } from "../graph/dtype.js";

export interface HostTensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  /** Row-major; booleans are bytes. */
  readonly data: TensorData;
}

export function float32Tensor(dims: readonly number[], data: Float32Array): HostTensor {
  return { dtype: "float32", dims, data };
}

export function float64Tensor(dims: readonly number[], data: Float64Array): HostTensor {
  return { dtype: "float64", dims, data };
}

export function int32Tensor(dims: readonly number[], data: Int32Array): HostTensor {
  return { dtype: "int32", dims, data };
}

/** The one number of a scalar output. */
export function scalarOf(tensor: HostTensor): number {
  return Number(tensor.data[0]);
}
