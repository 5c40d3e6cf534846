/** @file Symmetric KL divergence. */

import * as g from "../graph/ops/index.js";
import { defineDivergence } from "./divergence.js";

/**
 * Symmetric KL divergence, one value per response row: the mean of forward and reverse KL, half of Jeffreys' divergence.
 *
 * With p = softmax(teacher / τ) and q = softmax(student / τ):
 *
 *     row = ½ KL(p ‖ q) + ½ KL(q ‖ p) = ½ Σᵥ (pᵥ − qᵥ)(log pᵥ − log qᵥ)
 *     ∂row/∂log qᵥ = ½ (qᵥ (log qᵥ − log pᵥ + 1) − pᵥ)
 *
 * Infinite where either side alone gives a token probability 0.
 *
 * @see Jeffreys 1946, "An invariant form for the prior probability in estimation problems", eq. 1, which is the sum.
 */
export const symmetricKl = defineDivergence({
  name: "symmetric-kl",
  accepts: ["hidden", "dense"],
  refusal:
    "half of it is a reverse KL, and a top-k does not say how unlikely the teacher finds what the student prefers",
  rows: ({ student, teacher }) => {
    const differences = g.sub(teacher.probabilities, student.probabilities);
    const terms = g.mul(differences, g.sub(teacher.logProbs, student.logProbs));
    return g.mul(g.reduceSum(terms, { axes: [-1] }), 0.5);
  },
  logProbsGradient: ({ student, teacher }) => {
    const reverse = g.mul(student.probabilities, g.add(g.sub(student.logProbs, teacher.logProbs), 1));
    return g.mul(g.sub(reverse, teacher.probabilities), 0.5);
  },
});
