/** @file Cross-entropy with the teacher's distribution. */

import * as g from "../graph/ops/index.js";
import { defineDivergence } from "./divergence.js";

/**
 * Cross-entropy of the student with soft labels: forward KL without the teacher's entropy.
 *
 *     row = −Σᵥ pᵥ log qᵥ,    ∂row/∂(zᵥ/τ) = qᵥ − pᵥ
 *
 * Its gradient is that of forward KL. It never reaches 0: its least value is the teacher's entropy.
 *
 * @see Hinton, Vinyals & Dean 2015, §2 (arXiv:1503.02531).
 */
export const softCrossEntropy = defineDivergence({
  name: "cross-entropy",
  accepts: ["hidden", "dense", "sparse"],
  rows: ({ student, teacher }) => g.neg(g.reduceSum(g.mul(teacher.probabilities, student.logProbs), { axes: [-1] })),
  logitsGradient: ({ student, teacher }) => g.sub(student.probabilities, teacher.probabilities),
});
