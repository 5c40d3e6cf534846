/** @file Linear layers and lookups with named weights. */

import type { Value } from "../../graph/graph.js";
import { add, gather, lessOrEqual, matMul, reshape, sub, where } from "../../graph/ops/index.js";
import type { QuantizedWeight } from "./quantized-weight.js";

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
  let product =
    "quantized" in weight ? (weight as QuantizedWeight).quantized.multiply(x) : matMul(x, weight, { transposeB: true });
  if ("lowRank" in weight) {
    const { down, up, scale } = (weight as AdaptedWeight).lowRank;
    product = add(product, matMul(matMul(x, down, { transposeB: true }), up, { transposeB: true, alpha: scale }));
  }
  return bias ? add(product, bias) : product;
}

/** A table, and learned rows that follow its own: those of a soft prompt. */
export interface PromptedTable extends Value {
  readonly prompt: {
    /** `[virtual, hidden]`. */
    readonly rows: Value;
    /** The id of the first. */
    readonly firstId: number;
  };
}

/**
 * Rows of a table: `[vocab, hidden]` and ids `[tokens]` give `[tokens, hidden]`.
 *
 * Rows of a prompt are looked up for themselves, so that the table is neither copied nor given a gradient.
 */
export function embed(table: Value, ids: Value): Value {
  if (!("prompt" in table)) return lookUp(table, ids);
  const { rows, firstId } = (table as PromptedTable).prompt;
  const isVirtual = lessOrEqual(firstId, ids);
  const own = gather(rows, where(isVirtual, sub(ids, firstId), 0));
  const others = lookUp(table, where(isVirtual, 0, ids));
  return where(reshape(isVirtual, [ids.shape[0]!, 1]), own, others);
}

function lookUp(table: Value, ids: Value): Value {
  const rows = "quantized" in table ? (table as QuantizedWeight).quantized.rows : undefined;
  return rows ? rows(ids) : gather(table, ids);
}
