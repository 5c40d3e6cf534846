/** @file Cross-entropy with the text itself. */

import type { Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";

/**
 * −log q(target) per row, over the model's whole head and always at temperature 1.
 *
 *     row = −log softmax(z)[target],    ∂row/∂zᵥ = qᵥ − 1[v = target]
 *
 * @param logProbs - the student's at temperature 1, `[rows, vocab]`.
 * @param targetIds - `[rows]`.
 * @returns `[rows]`, nats.
 */
export function hardCrossEntropy(logProbs: Value, targetIds: Value): Value {
  const rows = targetIds.shape[0]!;
  return g.neg(g.reshape(g.gatherElements(logProbs, g.reshape(targetIds, [rows, 1])), [rows]));
}
