/** @file Pairs of response rows of one document, and sums over them. */

import type { Dim } from "../../graph/dims.js";
import type { Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import type { PlaceInputs } from "./feature.js";

/** 1 where both places are response rows of one document, each with itself included, else 0; `[sequences, places, places]`. */
export function rowPairs({ documents, isRow }: PlaceInputs, like: Value): Value {
  const [sequences, places] = documents.shape as readonly [Dim, Dim];
  const column = (value: Value) => g.reshape(value, [sequences, places, 1]);
  const line = (value: Value) => g.reshape(value, [sequences, 1, places]);
  const areRows = g.equal(g.add(column(isRow), line(isRow)), 2);
  return g.cast(g.and(g.equal(column(documents), line(documents)), areRows), like.dtype);
}

/** 1 on the diagonal of {@link rowPairs}, else 0. */
export function samePlace({ isRow }: PlaceInputs, like: Value): Value {
  const [sequences, places] = isRow.shape as readonly [Dim, Dim];
  const ones = g.expand(like.graph.number("int64", 1), [places]);
  const order = g.cumSum(ones, 0);
  const isSame = g.equal(g.reshape(order, [places, 1]), g.reshape(order, [1, places]));
  return g.mul(g.cast(isSame, like.dtype), g.cast(g.reshape(isRow, [sequences, places, 1]), like.dtype));
}

/** Huber's loss of a difference x: ½x² up to |x| = 1, then |x| − ½. */
export function huber(difference: Value): Value {
  const size = g.abs(difference);
  const inner = g.min(size, 1);
  return g.sub(g.mul(size, inner), g.mul(g.mul(inner, inner), 0.5));
}
