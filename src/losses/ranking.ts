/** @file Ranking losses over the teacher's likeliest tokens. */

import { z } from "zod";
import { LimbeckError } from "../errors.js";
import type { Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { defineDivergence } from "./divergence.js";

const optionsSchema = z.strictObject({
  topK: z.int().min(2).default(10).describe("How many of the teacher's likeliest tokens are ranked, at most."),
  form: z.enum(["hinge", "logistic"]).default("hinge").describe("How a pair in the wrong order is counted."),
  margin: z.number().nonnegative().default(1).describe("By how much the first of a pair has to lead; for hinge only."),
});

/**
 * Ranking loss over the teacher's k likeliest tokens, one value per response row: the student should keep their order.
 *
 * With zᵢ the student's logit (divided by τ) of the teacher's i-th likeliest token, over all pairs i before j:
 *
 *     hinge:     row = mean of max(0, margin − (zᵢ − zⱼ))
 *     logistic:  row = mean of log(1 + exp(−(zᵢ − zⱼ)))
 *
 * It says nothing of the other tokens, nor how likely the k are, so it goes beside another term. Hinge is 0 where every pair
 * leads by the margin, and its slope at the kink is taken to be 0. Tokens that the teacher finds equally likely are taken in the
 * order of their ids. Where the vocabulary has fewer than k tokens, all of them are ranked.
 *
 * @see Burges et al. 2005, "Learning to Rank using Gradient Descent", §3, for the logistic form; Herbrich et al. 2000, "Large
 *   Margin Rank Boundaries for Ordinal Regression", for the hinge.
 */
export const ranking = defineDivergence({
  name: "ranking",
  accepts: ["hidden", "dense", "sparse"],
  options: optionsSchema,
  rows: ({ student, teacher, options: { topK, form, margin } }) => {
    const [rows, outcomes] = teacher.logProbs.shape as readonly [Value["shape"][number], number];
    const named = outcomes - (teacher.hasTail ? 1 : 0);
    const k = teacher.hasTail ? topK : Math.min(topK, named);
    if (k > named || k < 2) {
      throw new LimbeckError(
        "OBJECTIVE",
        `ranking: topK must be from 2 to the ${named} tokens that the teacher names, got ${k}.`,
        {
          hint:
            named < 2
              ? "Keep more of the teacher's tokens."
              : `Set topK to ${named}, or keep more of the teacher's tokens.`,
        },
      );
    }
    const candidates = teacher.hasTail
      ? g.slice(teacher.logProbs, { axis: 1, start: 0, end: named })
      : teacher.logProbs;
    const { indices } = g.topK(candidates, k);
    const scores = g.gatherElements(student.logProbs, indices); // [rows, k]
    const leads = g.sub(g.reshape(scores, [rows, k, 1]), g.reshape(scores, [rows, 1, k])); // [rows, k, k]: zᵢ − zⱼ
    const losses = form === "hinge" ? g.relu(g.sub(margin, leads)) : g.softplus(g.neg(leads));
    return g.reduceSum(g.mul(losses, pairs(student.logProbs, k)), { axes: [1, 2] });
  },
});

/** `[k, k]`: one over the number of pairs where i is before j, 0 elsewhere. */
function pairs({ graph, dtype }: Value, k: number): Value {
  const weight = 2 / (k * (k - 1));
  const cells = Array.from({ length: k * k }, (_, cell) => (Math.floor(cell / k) < cell % k ? weight : 0));
  return graph.constant(dtype, [k, k], dtype === "float64" ? Float64Array.from(cells) : Float32Array.from(cells));
}
