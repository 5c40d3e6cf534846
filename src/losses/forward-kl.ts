/** @file Forward KL divergence. */

import * as g from "../graph/ops/index.js";
import { defineDivergence } from "./divergence.js";

/**
 * Forward KL divergence KL(teacher ‖ student), one value per response row.
 *
 * With p = softmax(teacher / τ) and q = softmax(student / τ):
 *
 *     row = Σᵥ pᵥ (log pᵥ − log qᵥ),    ∂row/∂(zᵥ/τ) = qᵥ − pᵥ
 *
 * The teacher's entropy is kept, so a row is 0 exactly where the two agree. The student is pulled to cover all that the
 * teacher finds likely.
 *
 * @see Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network", §2 (arXiv:1503.02531). They write the
 *   soft term as a cross-entropy, which differs by a constant.
 */
export const forwardKl = defineDivergence({
  name: "forward-kl",
  accepts: ["hidden", "dense", "sparse"],
  rows: ({ student, teacher }) =>
    g.reduceSum(g.mul(teacher.probabilities, g.sub(teacher.logProbs, student.logProbs)), { axes: [-1] }),
  logitsGradient: ({ student, teacher }) => g.sub(student.probabilities, teacher.probabilities),
});
