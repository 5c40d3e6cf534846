/** @file The alpha-beta family of divergences. */

import { z } from "zod";
import type { Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { defineDivergence } from "./divergence.js";

const optionsSchema = z.strictObject({
  teacherExponent: z.number().default(0.5).describe("a, the power of the teacher's probabilities."),
  studentExponent: z.number().default(0.5).describe("b, the power of the student's probabilities."),
});

/**
 * Alpha-beta divergence, one value per response row.
 *
 * With p = softmax(teacher / τ), q = softmax(student / τ), a = `teacherExponent` and b = `studentExponent`:
 *
 *     row = −1/(ab) Σᵥ [pᵥᵃ qᵥᵇ − a/(a+b) pᵥᵃ⁺ᵇ − b/(a+b) qᵥᵃ⁺ᵇ]
 *     b = 0:        1/a² Σᵥ [a pᵥᵃ (log pᵥ − log qᵥ) − pᵥᵃ + qᵥᵃ]
 *     a = 0:        1/b² Σᵥ [b qᵥᵇ (log qᵥ − log pᵥ) − qᵥᵇ + pᵥᵇ]
 *     a = −b:       1/a² Σᵥ [a (log qᵥ − log pᵥ) + (pᵥ/qᵥ)ᵃ − 1]
 *     a = b = 0:    ½ Σᵥ (log pᵥ − log qᵥ)²
 *     ∂row/∂log qᵥ = qᵥᵇ (qᵥᵃ − pᵥᵃ)/a, and with a = 0  qᵥᵇ (log qᵥ − log pᵥ)
 *
 * a = 1, b = 0 is forward KL, a = 0, b = 1 reverse KL, a = b = ½ four times the squared Hellinger distance. A larger a follows the
 * teacher's likely tokens more closely, a larger b those of the student. Where a or b is 0 or below, zeros can make it infinite.
 *
 * @see Cichocki, Cruces & Amari 2011, "Generalized Alpha-Beta Divergences and Their Application to Robust Nonnegative Matrix
 *   Factorization", eq. 23–27. Their α is our a, their β our b.
 * @see Wang et al. 2025, "ABKD: Pursuing a Proper Allocation of the Probability Mass in Knowledge Distillation via α-β-Divergence"
 *   (arXiv:2505.04560), for language models.
 */
export const alphaBeta = defineDivergence({
  name: "alpha-beta",
  accepts: ["hidden", "dense"],
  refusal:
    "powers of probabilities do not add up to the power of a tail, so the tokens outside the top-k have no right value",
  options: optionsSchema,
  rows: ({ student, teacher, options: { teacherExponent: a, studentExponent: b } }) => {
    const [p, q] = [teacher.logProbs, student.logProbs];
    return g.reduceSum(terms(p, q, a, b), { axes: [-1] });
  },
  logProbsGradient: ({ student, teacher, options: { teacherExponent: a, studentExponent: b } }) => {
    const [p, q] = [teacher.logProbs, student.logProbs];
    if (a === 0) return g.mul(power(q, b), g.sub(q, p));
    return g.mul(g.sub(power(q, a + b), product(p, a, q, b)), 1 / a);
  },
});

/** @param p - log-probs of the teacher, as `q` are the student's. */
function terms(p: Value, q: Value, a: number, b: number): Value {
  const difference = g.sub(p, q);
  if (a === 0 && b === 0) return g.mul(g.mul(difference, difference), 0.5);
  if (b === 0) return limit(p, q, a);
  if (a === 0) return limit(q, p, b);
  if (a + b === 0) return g.mul(g.add(g.sub(product(p, a, q, b), g.mul(difference, a)), -1), 1 / a ** 2);
  const own = g.add(g.mul(power(p, a + b), a / (a + b)), g.mul(power(q, a + b), b / (a + b)));
  return g.mul(g.sub(own, product(p, a, q, b)), 1 / (a * b));
}

/** 1/c² [c uᶜ (log u − log w) − uᶜ + wᶜ] */
function limit(u: Value, w: Value, c: number): Value {
  const weighted = g.mul(power(u, c), g.add(g.mul(g.sub(u, w), c), -1));
  return g.mul(g.add(weighted, power(w, c)), 1 / c ** 2);
}

/** xᶜ, from log x. */
function power(logX: Value, exponent: number): Value {
  return g.exp(g.mul(logX, exponent));
}

/** pᵃ qᵇ, from the logs. */
function product(p: Value, a: number, q: Value, b: number): Value {
  return g.exp(g.add(g.mul(p, a), g.mul(q, b)));
}
