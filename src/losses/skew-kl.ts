/** @file Skew forward KL divergence. */

import { z } from "zod";
import * as g from "../graph/ops/index.js";
import { defineDivergence } from "./divergence.js";
import { logMixture } from "./outcomes.js";

const optionsSchema = z.strictObject({
  skew: z.number().min(0).lt(1).default(0.1).describe("Share λ of the teacher that is mixed into the student."),
});

/**
 * Skew KL divergence KL(teacher ‖ λ·teacher + (1 − λ)·student), one value per response row.
 *
 * With p = softmax(teacher / τ), q = softmax(student / τ), λ = `skew` and M = λp + (1 − λ)q:
 *
 *     row = Σᵥ pᵥ (log pᵥ − log Mᵥ),    ∂row/∂log qᵥ = −(1 − λ) qᵥ pᵥ / Mᵥ
 *
 * At λ = 0 it is forward KL. Above, it is at most −log λ, and its gradient stays small where the student gives almost nothing.
 *
 * @see Ko et al. 2024, "DistiLLM: Towards Streamlined Distillation for Large Language Models", §3.1 (arXiv:2402.03898), with λ = 0.1.
 */
export const skewKl = defineDivergence({
  name: "skew-kl",
  accepts: ["hidden", "dense", "sparse"],
  options: optionsSchema,
  rows: ({ student, teacher, options: { skew } }) => {
    const ratio = g.sub(teacher.logProbs, skew === 0 ? student.logProbs : logMixture(teacher, student, skew));
    return g.reduceSum(g.mul(teacher.probabilities, ratio), { axes: [-1] });
  },
  logProbsGradient: ({ student, teacher, options: { skew } }) => {
    if (skew === 0) return g.neg(teacher.probabilities);
    // q/M is at most 1/(1 − λ), so neither side's underflow matters.
    const share = g.exp(g.sub(student.logProbs, logMixture(teacher, student, skew)));
    return g.mul(g.mul(teacher.probabilities, share), skew - 1);
  },
});
