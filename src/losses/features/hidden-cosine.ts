/** @file Cosine distance of hidden states. */

import type { Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import type { Feature } from "./feature.js";

/** Below it a length counts as this: the direction of a zero vector is not known. */
const leastLength = 1e-12;

/**
 * 1 − cos of the angle between the student's hidden states h and the teacher's t: their directions, whatever their lengths.
 *
 * With W as in `hidden-mse`:
 *
 *     row = 1 − ⟨W·h, t⟩ / (‖W·h‖ ‖t‖)
 *
 * @returns `[sequences, places]`, from 0 to 2.
 * @see Sanh et al. 2019, "DistilBERT" (arXiv:1910.01108) §2, the cosine embedding loss.
 */
export const hiddenCosine: Feature = {
  name: "hidden-cosine",
  parts: ["hidden"],
  isProjected: true,
  defaultLayers: "even",
  options: [],
  rows({ student, teacher }) {
    const [own, other] = [student.hidden!, teacher.hidden!];
    const product = g.reduceSum(g.mul(own, other), { axes: [-1] });
    return g.sub(1, g.div(product, g.mul(lengthOf(own), lengthOf(other))));
  },
};

/** L2 over the last axis, and at least {@link leastLength}. */
export function lengthOf(vectors: Value): Value {
  const squares = g.reduceSum(g.mul(vectors, vectors), { axes: [-1] });
  return g.sqrt(g.max(squares, leastLength ** 2));
}
