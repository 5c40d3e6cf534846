/** @file Layers that engines have a fused kernel for and that are lowered to standard ops elsewhere. */

import { sameDim } from "../dims.js";
import type { Value } from "../graph.js";
import { emit, expectDType, expectFloat, expectRank, fail, ownerOf } from "./emit.js";

/**
 * Root-mean-square normalization of the last axis: x / √(mean(x²) + ε) · weight.
 *
 * @param x - `[…, width]`.
 * @param weight - `[width]`.
 * @see Zhang & Sennrich 2019, "Root Mean Square Layer Normalization" (arXiv:1910.07467).
 */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  expectFloat("RmsNorm", x);
  expectRank("RmsNorm", weight, 1);
  if (x.dtype !== weight.dtype || !sameDim(x.shape.at(-1) ?? 0, weight.shape[0]!)) {
    fail("RmsNorm", [x, weight], "operands must be […, width] and [width] of one dtype");
  }
  const outputs = ownerOf([x, weight]).append("RmsNorm", [x, weight], { epsilon }, [
    { dtype: x.dtype, shape: x.shape },
    { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] },
  ]);
  return outputs[0]!;
}

/**
 * Rotary position embedding over halves: (x₁, x₂) → (x₁·cos − x₂·sin, x₂·cos + x₁·sin).
 *
 * @param x - `[batch, heads, tokens, headDim]`.
 * @param cosine - `[positions, headDim / 2]`, one row per position; `sine` likewise.
 * @param positions - `[batch, tokens]`, int64 row numbers of the tables.
 * @see Su et al. 2021, "RoFormer" (arXiv:2104.09864), §3.4; halves instead of neighbours, as the Llama weights expect.
 */
export function rotaryEmbedding(x: Value, cosine: Value, sine: Value, positions: Value): Value {
  const op = "RotaryEmbedding";
  expectFloat(op, x);
  expectRank(op, x, 4);
  expectDType(op, positions, "int64");
  const headDim = x.shape[3]!;
  const fits =
    typeof headDim === "number" &&
    [cosine, sine].every(({ shape, dtype }) => shape.length === 2 && shape[1] === headDim / 2 && dtype === x.dtype) &&
    positions.shape.length === 2 &&
    sameDim(positions.shape[0]!, x.shape[0]!) &&
    sameDim(positions.shape[1]!, x.shape[2]!);
  if (!fits) {
    fail(
      op,
      [x, cosine, sine, positions],
      "operands must be [batch, heads, tokens, headDim], two tables [positions, headDim / 2] and [batch, tokens]",
    );
  }
  return emit(op, [x, cosine, sine, positions], {}, { dtype: x.dtype, shape: x.shape });
}
