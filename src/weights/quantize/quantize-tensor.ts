/** @file One weight as the tensors that a graph with quantized weights is fed. */

import { quantizedNames, type WeightFormat } from "../../models/layers/quantized-weight.js";
import { float32Tensor, type HostTensor } from "../../runtime/tensor.js";
import { blockSize, quantizeBlocks } from "./blocks.js";
import { quantizeInt8 } from "./int8-columns.js";
import { findInt8Range } from "./int8-range.js";

/** The two tensors by their parameters' names. @param weight - `[outputs, inputs]`. */
export async function quantizeTensor(
  name: string,
  weight: Float32Array,
  [outputs, inputs]: readonly [number, number],
  format: WeightFormat,
): Promise<readonly (readonly [string, HostTensor])[]> {
  const names = quantizedNames(name);
  if (format === "int8") {
    const { values, scales } = quantizeInt8(weight, outputs, inputs, await findInt8Range());
    return [
      [names.values, { dtype: "int8", dims: [inputs, outputs], data: values }],
      [names.scales, float32Tensor([outputs], scales)],
    ];
  }
  const bits = format === "4-bit-blocks" ? 4 : 8;
  const { values, scales } = quantizeBlocks(weight, outputs, inputs, bits);
  const blocks = Math.ceil(inputs / blockSize);
  return [
    [names.values, { dtype: "uint8", dims: [outputs, blocks, (blockSize * bits) / 8], data: values }],
    [names.scales, float32Tensor([outputs, blocks], scales)],
  ];
}
