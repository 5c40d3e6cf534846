/** @file Mean squared error of logits. */

import type { Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { type DivergenceInput, defineDivergence } from "./divergence.js";

/**
 * Mean squared error of the logits, centred per row, one value per response row.
 *
 * With z and v the student's and the teacher's logits divided by τ, each minus its mean over the row's V tokens:
 *
 *     row = 1/V Σᵢ (zᵢ − vᵢ)²,    ∂row/∂zᵢ = 2/V (zᵢ − vᵢ)
 *
 * Centring makes it independent of constants that a softmax does not see. Multiplied by τ² it does not depend on τ. For large τ
 * it is twice what forward KL becomes.
 *
 * @see Hinton, Vinyals & Dean 2015, §2.1 (arXiv:1503.02531); Ba & Caruana 2014, "Do Deep Nets Really Need to be Deep?" (arXiv:1312.6184).
 */
export const logitsMse = defineDivergence({
  name: "logits-mse",
  accepts: ["hidden", "dense"],
  refusal: "a top-k has no logits for the other tokens",
  rows: (input) => {
    const differences = centredDifferences(input);
    return g.reduceMean(g.mul(differences, differences), { axes: [-1] });
  },
  logitsGradient: (input) => {
    const width = Number(input.student.logProbs.shape[1]);
    return g.mul(centredDifferences(input), 2 / width);
  },
});

/** z − v, `[rows, vocab]`: log-probs are logits up to a constant per row, which centring takes away. */
function centredDifferences({ student, teacher }: DivergenceInput<unknown>): Value {
  const differences = g.sub(student.logProbs, teacher.logProbs);
  return g.sub(differences, g.reduceMean(differences, { axes: [-1], keepDims: true }));
}
