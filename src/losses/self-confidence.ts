/** @file Cross-entropy of a model with its own likeliest outcome: it is drawn to be sure of itself. */

import type { Value } from "../graph/graph.js";
import { argMax } from "../graph/ops/index.js";
import { hardCrossEntropy } from "./hard-cross-entropy.js";

/**
 * The auxiliary confidence term: −log of the largest probability, with the label held fixed.
 *
 *     ŷ = argmaxᵥ qᵥ (a constant),    row = −log q(ŷ),    ∂row/∂zᵥ = qᵥ − 1[v = ŷ]
 *
 * It lets a strong student keep what it is sure of where a weak teacher says otherwise. Burns et al. harden two classes by a
 * threshold that gives each class as many rows as the weak labels do: ŷ is then `hardenedIds` (class-shares.ts). Among the thousands
 * of tokens of a vocabulary, whose shares no batch can hold, the likeliest is taken as it is.
 *
 * @param logProbs - the student's at temperature 1, `[rows, outcomes]`.
 * @param hardenedIds - ŷ, `[rows]`; the likeliest where left out.
 * @returns `[rows]`, nats.
 * @see Burns et al. 2023, "Weak-to-Strong Generalization", §4.3.2 and appendix A (arXiv:2312.09390): L_conf.
 */
export function selfConfidence(logProbs: Value, hardenedIds: Value = argMax(logProbs)): Value {
  return hardCrossEntropy(logProbs, hardenedIds);
}
