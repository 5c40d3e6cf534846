/** @file Cross-entropy with what the teacher finds likeliest. */

import * as g from "../graph/ops/index.js";
import { defineDivergence } from "./divergence.js";
import { hardCrossEntropy } from "./hard-cross-entropy.js";

/**
 * Cross-entropy of the student with the teacher's hard labels: its likeliest outcome, the first of equals.
 *
 *     ŷ = argmaxᵥ pᵥ,    row = −log q(ŷ),    ∂row/∂(zᵥ/τ) = qᵥ − 1[v = ŷ]
 *
 * The teacher's temperature changes no label. It is no distance: a student that equals its teacher still has a loss, and only
 * certainty has none.
 *
 * @see Xiao & Zhu 2025, "Foundations of Large Language Models", ch. 4, ŷ = argmax Pr_w(y | x) (arXiv:2501.09223), here at every
 *   token; Burns et al. 2023, "Weak-to-Strong Generalization", §3 (arXiv:2312.09390).
 */
export const hardLabels = defineDivergence({
  name: "hard-labels",
  accepts: ["hidden", "dense"],
  refusal: "what is likeliest of a top-k and its tail may be the tail, which is no label",
  rows: ({ student, teacher }) => hardCrossEntropy(student.logProbs, g.argMax(teacher.logProbs)),
});
