/** @file Causal attention within documents, with grouped key/value heads and an optional sliding window. */

import { type Dim, multiplyDims } from "../../graph/dims.js";
import type { Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import type { TokenInputs } from "../architecture.js";

/** Added to the scores of positions that must not be seen; finite, so that no row of a softmax is ever empty. */
const blocked = -1e30;

/**
 * What each position may attend to: 0 where it may, a large negative number elsewhere, `[sequences, 1, 1, tokens, tokens]`.
 *
 * A position sees its own document up to itself, and with a window only the last `window` of those. Positions restart in
 * every document, so packing documents into one sequence changes nothing.
 */
export function attentionBias({ positions, documents }: TokenInputs, like: Value, window?: number): Value {
  const [sequences, tokens] = documents.shape as readonly [Dim, Dim];
  const queries = (value: Value) => g.reshape(value, [sequences, 1, 1, tokens, 1]);
  const keys = (value: Value) => g.reshape(value, [sequences, 1, 1, 1, tokens]);
  const sameDocument = g.equal(queries(documents), keys(documents));
  let allowed = g.and(sameDocument, g.lessOrEqual(keys(positions), queries(positions)));
  if (window !== undefined) {
    allowed = g.and(allowed, g.less(g.sub(queries(positions), keys(positions)), window));
  }
  return g.where(allowed, like.graph.number(like.dtype, 0), blocked);
}

export interface Heads {
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
}

/** Splits `[sequences * tokens, heads * headDim]` into `[sequences, heads, tokens, headDim]`. */
export function splitHeads(x: Value, { ids }: TokenInputs, heads: number, headDim: number): Value {
  const [sequences, tokens] = ids.shape as readonly [Dim, Dim];
  return g.transpose(g.reshape(x, [sequences, tokens, heads, headDim]), [0, 2, 1, 3]);
}

/**
 * softmax(QKᵀ/√d + bias)·V. The query heads of one key/value head are laid side by side, so keys and values are never repeated.
 *
 * @param queries - `[sequences, heads, tokens, headDim]`; `keys` and `values` have `keyValueHeads` heads.
 * @param bias - from {@link attentionBias}.
 * @returns `[sequences * tokens, heads * headDim]`.
 * @see Vaswani et al. 2017 (arXiv:1706.03762) §3.2.1; Ainslie et al. 2023, grouped-query attention (arXiv:2305.13245).
 */
export function attention(
  queries: Value,
  keys: Value,
  values: Value,
  bias: Value,
  { heads, keyValueHeads, headDim }: Heads,
): Value {
  const [sequences, , tokens] = queries.shape as readonly [Dim, Dim, Dim, Dim];
  const group = heads / keyValueHeads;
  const rows = multiplyDims(group, tokens);
  const grouped = g.reshape(queries, [sequences, keyValueHeads, rows, headDim]);
  const scores = g.matMul(grouped, keys, { transposeB: true, alpha: 1 / Math.sqrt(headDim) });
  const perHead = g.reshape(scores, [sequences, keyValueHeads, group, tokens, tokens]);
  const weights = g.reshape(g.softmax(g.add(perHead, bias)), [sequences, keyValueHeads, rows, tokens]);
  const mixed = g.reshape(g.matMul(weights, values), [sequences, heads, tokens, headDim]);
  return g.reshape(g.transpose(mixed, [0, 2, 1, 3]), [multiplyDims(sequences, tokens), heads * headDim]);
}
