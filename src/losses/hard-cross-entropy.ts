/** @file Cross-entropy with the text itself. */

import type { Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";

/**
 * Cross-entropy with the row's token, over the model's whole head and always at temperature 1.
 *
 * With q = softmax(z), V tokens and ε = `labelSmoothing`, the label is 1 − ε + ε/V at the target and ε/V at every other token:
 *
 *     row = −(1 − ε) log q[target] − ε/V Σᵥ log qᵥ,    ∂row/∂zᵥ = qᵥ − (1 − ε) 1[v = target] − ε/V
 *
 * 0, with a gradient of 0, where the row has no target.
 *
 * @param logProbs - the student's at temperature 1, `[rows, vocab]`.
 * @param targetIds - `[rows]`; below 0 where the row has no target (data/batch.ts, `noTarget`).
 * @returns `[rows]`, nats.
 * @see Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", §7 (arXiv:1512.00567), for the smoothing.
 */
export function hardCrossEntropy(logProbs: Value, targetIds: Value, labelSmoothing = 0): Value {
  const rows = targetIds.shape[0]!;
  const known = g.max(targetIds, 0);
  const picked = g.neg(g.reshape(g.gatherElements(logProbs, g.reshape(known, [rows, 1])), [rows]));
  return g.where(g.less(targetIds, 0), 0, labelSmoothing === 0 ? picked : smoothed(picked, logProbs, labelSmoothing));
}

function smoothed(picked: Value, logProbs: Value, labelSmoothing: number): Value {
  const uniform = g.mul(g.reduceMean(logProbs, { axes: [-1] }), -labelSmoothing);
  return g.add(g.mul(picked, 1 - labelSmoothing), uniform);
}
