/**
 * Total variation distance, one value per response row: ½ Σᵥ |pᵥ − qᵥ|, from 0 (equal) to 1 (nothing in common).
 *
 * The framework masks, weights and differentiates it; masked rows, chunks of rows and temperatures are none of its business.
 */

import { defineDivergence } from "limbeck";
import { abs, mul, reduceSum, sub } from "limbeck/graph";

export const totalVariation = defineDivergence({
  name: "total-variation",
  accepts: ["hidden", "dense"],
  refusal: "a top-k does not say where in its tail the two differ",
  rows: ({ student, teacher }) =>
    mul(reduceSum(abs(sub(student.probabilities, teacher.probabilities)), { axes: [-1] }), 0.5),
});
