/** @file Weights in 8 bits with one scale per output, as the engine's `DynamicQuantizeMatMul` multiplies them. */

import { expectWeight } from "./expect-weight.js";

/** A linear layer's weight in 8 bits, for `x · values · scales`. */
export interface Int8Weight {
  /** `[inputs, outputs]`, −127 to 127. */
  readonly values: Int8Array;
  /** `[outputs]`. */
  readonly scales: Float32Array;
}

const largest = 127;

/**
 * Rounds a weight to 8 bits, symmetrically and per output: qᵢⱼ = round(wⱼᵢ / sⱼ) with sⱼ = maxᵢ |wⱼᵢ| / 127, which is off by at most
 * sⱼ / 2. An output whose weights are all 0 has the scale 1. The weight is turned over, as the engine wants it.
 *
 * @param weight - `[outputs, inputs]`, as Hugging Face files have it.
 * @throws ShapeError where the weight has another size.
 * @see Jacob et al. 2018, "Quantization and Training of Neural Networks" (arXiv:1712.05877) §2; here without a zero point.
 */
export function quantizeInt8(weight: Float32Array, outputs: number, inputs: number): Int8Weight {
  expectWeight("quantizeInt8", weight, outputs, inputs);
  const values = new Int8Array(weight.length);
  const scales = new Float32Array(outputs);
  for (let output = 0; output < outputs; output++) {
    const row = weight.subarray(output * inputs, (output + 1) * inputs);
    let most = 0;
    for (let i = 0; i < inputs; i++) most = Math.max(most, Math.abs(row[i]!));
    const scale = Math.fround(most / largest) || 1;
    scales[output] = scale;
    for (let i = 0; i < inputs; i++) {
      values[i * outputs + output] = Math.max(-largest, Math.min(largest, Math.round(row[i]! / scale)));
    }
  }
  return { values, scales };
}

/** The weight that 8 bits stand for, `[outputs, inputs]`. */
export function dequantizeInt8({ values, scales }: Int8Weight): Float32Array {
  const outputs = scales.length;
  const inputs = values.length / outputs;
  return Float32Array.from({ length: values.length }, (_, i) => {
    const output = Math.floor(i / inputs);
    return values[(i % inputs) * outputs + output]! * scales[output]!;
  });
}
