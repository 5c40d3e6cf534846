/** @file Total variation distance. */

import * as g from "../graph/ops/index.js";
import { defineDivergence } from "./divergence.js";

/**
 * Total variation distance, one value per response row: the probability mass that would have to move.
 *
 * With p = softmax(teacher / τ) and q = softmax(student / τ):
 *
 *     row = ½ Σᵥ |pᵥ − qᵥ|,    ∂row/∂log qᵥ = ½ qᵥ sign(qᵥ − pᵥ)
 *
 * Between 0 and 1. At the kink pᵥ = qᵥ the slope is taken to be 0; two that differ by no more than rounding count as equal, so that
 * the slope does not depend on the order of a sum. The slope does not shrink as the two come close, so a
 * learning rate has to. The τ² by which the term is multiplied is derived for KL; here it is a convention.
 *
 * @see Wen et al. 2023, "f-Divergence Minimization for Sequence-Level Knowledge Distillation", §3 (arXiv:2307.15190).
 */
export const totalVariation = defineDivergence({
  name: "tvd",
  accepts: ["hidden", "dense", "sparse"],
  rows: ({ student, teacher }) =>
    g.mul(g.reduceSum(g.abs(g.sub(teacher.probabilities, student.probabilities)), { axes: [-1] }), 0.5),
  logProbsGradient: ({ student: { probabilities: q }, teacher: { probabilities: p } }) => {
    const difference = g.sub(q, p);
    const isApart = g.greater(g.abs(difference), g.mul(p, q.dtype === "float64" ? 1e-14 : 1e-6));
    return g.mul(g.mul(q, g.where(isApart, g.sign(difference), 0)), 0.5);
  },
});
