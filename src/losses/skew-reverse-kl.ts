/** @file Skew reverse KL divergence. */

import { z } from "zod";
import * as g from "../graph/ops/index.js";
import { defineDivergence } from "./divergence.js";
import { logMixture } from "./outcomes.js";

const optionsSchema = z.strictObject({
  skew: z.number().gt(0).lt(1).default(0.1).describe("Share λ of the student that is mixed into the teacher."),
});

/**
 * Skew reverse KL divergence KL(student ‖ (1 − λ)·teacher + λ·student), one value per response row.
 *
 * With p = softmax(teacher / τ), q = softmax(student / τ), λ = `skew` and M = (1 − λ)p + λq:
 *
 *     row = Σᵥ qᵥ (log qᵥ − log Mᵥ),    ∂row/∂log qᵥ = qᵥ (log qᵥ − log Mᵥ + 1 − λ qᵥ / Mᵥ)
 *
 * At most −log λ: unlike reverse KL it is finite where the teacher gives a token probability 0, which is also why it may be
 * taken over a top-k and its tail.
 *
 * @see Ko et al. 2024, "DistiLLM: Towards Streamlined Distillation for Large Language Models", §3.1 (arXiv:2402.03898), with λ = 0.1.
 */
export const skewReverseKl = defineDivergence({
  name: "skew-reverse-kl",
  accepts: ["hidden", "dense", "sparse"],
  options: optionsSchema,
  rows: ({ student, teacher, options: { skew } }) => {
    const ratio = g.sub(student.logProbs, logMixture(teacher, student, 1 - skew));
    return g.reduceSum(g.mul(student.probabilities, ratio), { axes: [-1] });
  },
  logProbsGradient: ({ student, teacher, options: { skew } }) => {
    const ratio = g.sub(student.logProbs, logMixture(teacher, student, 1 - skew));
    // log(q / M) is at most −log λ; the bound keeps rounding from making it more where both are 0.
    const share = g.mul(g.exp(g.min(ratio, -Math.log(skew))), skew);
    return g.mul(student.probabilities, g.sub(g.add(ratio, 1), share));
  },
});
