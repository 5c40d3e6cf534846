/** @file Reverse KL divergence. */

import * as g from "../graph/ops/index.js";
import { defineDivergence } from "./divergence.js";

/**
 * Reverse KL divergence KL(student ‖ teacher), one value per response row.
 *
 * With p = softmax(teacher / τ) and q = softmax(student / τ):
 *
 *     row = Σᵥ qᵥ (log qᵥ − log pᵥ),    ∂row/∂(zᵥ/τ) = qᵥ (log qᵥ − log pᵥ − row)
 *
 * The student is pushed off what the teacher finds unlikely, and may settle on one of its modes. Infinite where the teacher
 * gives a token probability 0.
 *
 * @see Gu et al. 2023, "MiniLLM: Knowledge Distillation of Large Language Models", §2.1 (arXiv:2306.08543).
 */
export const reverseKl = defineDivergence({
  name: "reverse-kl",
  accepts: ["hidden", "dense"],
  refusal: "a top-k does not say how unlikely the teacher finds what the student prefers",
  rows: ({ student, teacher }) =>
    g.reduceSum(g.mul(student.probabilities, g.sub(student.logProbs, teacher.logProbs)), { axes: [-1] }),
  logProbsGradient: ({ student, teacher }) =>
    g.mul(student.probabilities, g.add(g.sub(student.logProbs, teacher.logProbs), 1)),
});
