/** @file Cross-entropy with the text itself. */

import type { Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";

/**
 * −log q(target) per row, over the model's whole head and always at temperature 1.
 *
 *     row = −log softmax(z)[target],    ∂row/∂zᵥ = qᵥ − 1[v = target]
 *
 * 0, with a gradient of 0, where the row has no target.
 *
 * @param logProbs - the student's at temperature 1, `[rows, vocab]`.
 * @param targetIds - `[rows]`; below 0 where the row has no target (data/batch.ts, `noTarget`).
 * @returns `[rows]`, nats.
 */
export function hardCrossEntropy(logProbs: Value, targetIds: Value): Value {
  const rows = targetIds.shape[0]!;
  const known = g.max(targetIds, 0);
  const picked = g.reshape(g.gatherElements(logProbs, g.reshape(known, [rows, 1])), [rows]);
  return g.where(g.less(targetIds, 0), 0, g.neg(picked));
}
