/** @file Causal attention within documents, with grouped key/value heads and an optional sliding window. */

import { type Dim, multiplyDims } from "../../graph/dims.js";
import type { Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import type { KeyValues, TokenInputs } from "../architecture.js";

/** Added to the scores of positions that must not be seen; finite, so that no row of a softmax is ever empty. */
const blocked = -1e30;

/** Where rows of positions stand, each `[sequences, count]` int32. */
export type Places = Pick<TokenInputs, "positions" | "documents">;

/** Where keys stand, each `[sequences, count]` or `[1, count]`; without documents they are every document's. */
type KeyPlaces = Pick<Places, "positions"> & { readonly documents: Value | undefined };

/**
 * What each query may attend to: 0 where it may, a large negative number elsewhere, `[sequences, 1, 1, queries, keys]`.
 *
 * A position sees its own document up to itself, and with a window only the last `window` of those. Positions restart in
 * every document, so packing documents into one sequence changes nothing.
 *
 * @param blocks - the keys: those of the past, where there is one, and the queries themselves.
 */
export function attentionBias(queries: Places, blocks: readonly KeyPlaces[], like: Value, window?: number): Value {
  const [sequences, count] = queries.documents.shape as readonly [Dim, Dim];
  const query = (value: Value) => g.reshape(value, [sequences, 1, 1, count, 1]);
  const biases = blocks.map((block) => {
    const key = (value: Value) => g.reshape(value, [value.shape[0]!, 1, 1, 1, value.shape[1]!]);
    let allowed = g.lessOrEqual(key(block.positions), query(queries.positions));
    if (block.documents) allowed = g.and(g.equal(query(queries.documents), key(block.documents)), allowed);
    if (window !== undefined) {
      allowed = g.and(allowed, g.less(g.sub(query(queries.positions), key(block.positions)), window));
    }
    return g.where(allowed, like.graph.number(like.dtype, 0), blocked);
  });
  return g.concat(biases, -1);
}

/** {@link attentionBias} where a position sees all of its own document, `[sequences, 1, 1, tokens, tokens]`. */
export function documentBias({ documents }: Pick<Places, "documents">, like: Value): Value {
  const [sequences, count] = documents.shape as readonly [Dim, Dim];
  const isAllowed = g.equal(
    g.reshape(documents, [sequences, 1, 1, count, 1]),
    g.reshape(documents, [sequences, 1, 1, 1, count]),
  );
  return g.where(isAllowed, like.graph.number(like.dtype, 0), blocked);
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
 * Keys and values come in blocks, of which the scores are joined, not the keys: a long past is read, and never copied.
 *
 * @param queries - `[sequences, heads, tokens, headDim]`.
 * @param blocks - keys and values, each `[sequences, keyValueHeads, positions, headDim]`.
 * @param bias - from {@link attentionBias} for the same blocks.
 * @returns `[sequences * tokens, heads * headDim]`.
 * @see Vaswani et al. 2017 (arXiv:1706.03762) §3.2.1; Ainslie et al. 2023, grouped-query attention (arXiv:2305.13245).
 */
export function attention(
  queries: Value,
  blocks: readonly KeyValues[],
  bias: Value,
  { heads, keyValueHeads, headDim }: Heads,
): Value {
  const [sequences, , tokens] = queries.shape as readonly [Dim, Dim, Dim, Dim];
  const group = heads / keyValueHeads;
  const rows = multiplyDims(group, tokens);
  const grouped = g.reshape(queries, [sequences, keyValueHeads, rows, headDim]);
  const counts = blocks.map(({ keys }) => keys.shape[2]!);
  const scores = blocks.map(({ keys }, i) => {
    const product = g.matMul(grouped, keys, { transposeB: true, alpha: 1 / Math.sqrt(headDim) });
    return g.reshape(product, [sequences, keyValueHeads, group, tokens, counts[i]!]);
  });
  const weights = g.softmax(g.add(g.concat(scores, -1), bias));
  const mixed = g
    .split(weights, -1, counts)
    .map((part, i) => g.matMul(g.reshape(part, [sequences, keyValueHeads, rows, counts[i]!]), blocks[i]!.values))
    .reduce((sum, each) => g.add(sum, each));
  const joined = g.transpose(g.reshape(mixed, [sequences, heads, tokens, headDim]), [0, 2, 1, 3]);
  return g.reshape(joined, [multiplyDims(sequences, tokens), heads * headDim]);
}
