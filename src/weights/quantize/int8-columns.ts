/** @file Weights in 8 bits with one scale per output, as the engine's `DynamicQuantizeMatMul` multiplies them. */

import { expectWeight } from "./expect-weight.js";
import type { Int8Range } from "./int8-range.js";

/** A linear layer's weight in 8 bits, for `x · values · scales`. */
export interface Int8Weight {
  /** `[inputs, outputs]`, −range to range. */
  readonly values: Int8Array;
  /** `[outputs]`. */
  readonly scales: Float32Array;
}

/** Outputs turned over at a time: their rows stay in the processor's cache. */
const tile = 32;

/**
 * Rounds a weight to 8 bits, symmetrically and per output: qᵢⱼ = round(wⱼᵢ / sⱼ) with sⱼ = maxᵢ |wⱼᵢ| / range, which is off by at most
 * sⱼ / 2. An output whose weights are all 0 has the scale 1. The weight is turned over, as the engine wants it.
 *
 * @param weight - `[outputs, inputs]`, as Hugging Face files have it.
 * @param range - the largest number; see `findInt8Range`.
 * @throws ShapeError where the weight has another size.
 * @see Jacob et al. 2018, "Quantization and Training of Neural Networks" (arXiv:1712.05877) §2; here without a zero point.
 */
export function quantizeInt8(weight: Float32Array, outputs: number, inputs: number, range: Int8Range): Int8Weight {
  expectWeight("quantizeInt8", weight, outputs, inputs);
  const values = new Int8Array(weight.length);
  const scales = new Float32Array(outputs);
  for (let output = 0; output < outputs; output++) {
    let most = 0;
    for (let at = output * inputs; at < (output + 1) * inputs; at++) most = Math.max(most, Math.abs(weight[at]!));
    scales[output] = most / range;
    // Too small for a float32, or 0.
    if (scales[output] === 0) scales[output] = 1;
  }
  for (let first = 0; first < outputs; first += tile) {
    const end = Math.min(outputs, first + tile);
    for (let i = 0; i < inputs; i++) {
      for (let output = first; output < end; output++) {
        values[i * outputs + output] = Math.round(weight[output * inputs + i]! / scales[output]!);
      }
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
