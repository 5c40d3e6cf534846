/** @file Linear layers and named weights. */

import type { Value } from "../../graph/graph.js";
import { add, matMul } from "../../graph/ops/index.js";

/** A weight, and a learned change of low rank beside it: what is applied is weight + scale · up · down. */
export interface AdaptedWeight extends Value {
  readonly lowRank: {
    /** `[rank, in]`. */
    readonly down: Value;
    /** `[out, rank]`. */
    readonly up: Value;
    readonly scale: number;
  };
}

/**
 * `x · weightᵀ + bias`: `[rows, in]` with a weight `[out, in]` gives `[rows, out]`.
 *
 * A change of low rank is applied for itself, so that the weight needs no gradient: x·Wᵀ + scale · (x·downᵀ)·upᵀ.
 *
 * @see Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", §4.1 (arXiv:2106.09685); their A is `down`, their B
 *   `up`, and α / r the scale.
 */
export function linear(x: Value, weight: Value, bias?: Value): Value {
  let product = matMul(x, weight, { transposeB: true });
  if ("lowRank" in weight) {
    const { down, up, scale } = (weight as AdaptedWeight).lowRank;
    product = add(product, matMul(matMul(x, down, { transposeB: true }), up, { transposeB: true, alpha: scale }));
  }
  return bias ? add(product, bias) : product;
}
