/** @file Layer normalization, from ops that have derivatives. */

import type { Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";

/**
 * (x − mean) / √(variance + ε) · weight + bias over the last axis; the variance is the mean of squares, not of n − 1.
 *
 * @param x - `[…, width]`.
 * @param weight - `[width]`; `bias` likewise.
 * @see Ba, Kiros & Hinton 2016, "Layer Normalization" (arXiv:1607.06450), §3.
 */
export function layerNorm(x: Value, weight: Value, bias: Value, epsilon: number): Value {
  const over = { axes: [-1], keepDims: true };
  const centred = g.sub(x, g.reduceMean(x, over));
  const variance = g.reduceMean(g.mul(centred, centred), over);
  const normalized = g.div(centred, g.sqrt(g.add(variance, epsilon)));
  return g.add(g.mul(normalized, weight), bias);
}
