/** @file Generalised Jensen–Shannon divergence. */

import { z } from "zod";
import * as g from "../graph/ops/index.js";
import { defineDivergence } from "./divergence.js";
import { logMixture } from "./outcomes.js";

const optionsSchema = z.strictObject({
  teacherWeight: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.5)
    .describe("The teacher's share β of the mixture M = β·teacher + (1 − β)·student."),
});

/**
 * Generalised Jensen–Shannon divergence, one value per response row.
 *
 * With p = softmax(teacher / τ), q = softmax(student / τ), β = `teacherWeight` and M = βp + (1 − β)q:
 *
 *     row = β KL(p ‖ M) + (1 − β) KL(q ‖ M),    ∂row/∂log qᵥ = (1 − β) qᵥ (log qᵥ − log Mᵥ)
 *
 * Between 0 and the entropy of (β, 1 − β), which is ln 2 at ½, so it is finite where one side gives 0. It falls to 0 at both
 * ends of β: near them the weight of the term has to grow with 1/β or 1/(1 − β). The ends themselves are not KL divergences,
 * as some libraries define them, and are refused.
 *
 * @see Agarwal et al. 2023, "On-Policy Distillation of Language Models", eq. 1 (arXiv:2306.13649). Their β is ours.
 * @see Lin 1991, "Divergence measures based on the Shannon entropy", §4.
 */
export const jsd = defineDivergence({
  name: "jsd",
  accepts: ["hidden", "dense", "sparse"],
  options: optionsSchema,
  rows: ({ student, teacher, options: { teacherWeight } }) => {
    const mixture = logMixture(teacher, student, teacherWeight);
    const fromTeacher = g.mul(teacher.probabilities, g.sub(teacher.logProbs, mixture));
    const fromStudent = g.mul(student.probabilities, g.sub(student.logProbs, mixture));
    const terms = g.add(g.mul(fromTeacher, teacherWeight), g.mul(fromStudent, 1 - teacherWeight));
    return g.reduceSum(terms, { axes: [-1] });
  },
  logProbsGradient: ({ student, teacher, options: { teacherWeight } }) => {
    const mixture = logMixture(teacher, student, teacherWeight);
    return g.mul(g.mul(student.probabilities, 1 - teacherWeight), g.sub(student.logProbs, mixture));
  },
});
