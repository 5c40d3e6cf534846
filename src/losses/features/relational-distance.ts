/** @file Relational distances: rows that are far from each other in the teacher shall be far in the student. */

import type { Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import type { Feature } from "./feature.js";
import { huber, rowPairs, samePlace } from "./pairs.js";

/** Squared distances below it count as this: the root has no slope at 0. */
const leastSquare = 1e-12;

/**
 * Huber's loss of the distances between one row and the other n − 1 rows of its document, each side's in units of its own mean.
 *
 * With h the hidden states, i and j over a document's response rows, and μ the mean of ‖hⱼ − hₖ‖ over its pairs j ≠ k:
 *
 *     ψᵢⱼ = ‖hᵢ − hⱼ‖ / μ,    rowᵢ = Σ over j ≠ i of Huber(ψˢᵢⱼ − ψᵗᵢⱼ) / (n − 1),    0 where n = 1
 *
 * Distances are computed from products, ‖a − b‖² = ⟨a,a⟩ + ⟨b,b⟩ − 2⟨a,b⟩, which takes no array of pairs × width. The gradient
 * flows through the student's μ too. The two sides may differ in width.
 *
 * @returns `[sequences, places]`, no unit.
 * @see Park et al. 2019, "Relational Knowledge Distillation", eq. 4 to 7 (arXiv:1904.05068); their mini-batch is our document.
 */
export const relationalDistance: Feature = {
  name: "relational-distance",
  parts: ["hidden"],
  isProjected: false,
  defaultLayers: "last",
  options: [],
  rows({ student, teacher, places }) {
    const all = rowPairs(places, student.hidden!);
    const pairs = g.sub(all, samePlace(places, student.hidden!));
    const difference = g.sub(
      scaledDistances(student.hidden!, all, pairs),
      scaledDistances(teacher.hidden!, all, pairs),
    );
    const count = g.max(g.reduceSum(pairs, { axes: [-1] }), 1);
    return g.div(g.reduceSum(g.mul(huber(difference), pairs), { axes: [-1] }), count);
  },
};

/** ψ, 0 where two places are no pair. */
function scaledDistances(hidden: Value, all: Value, pairs: Value): Value {
  const squares = g.reduceSum(g.mul(hidden, hidden), { axes: [-1], keepDims: true }); // [sequences, places, 1]
  const products = g.matMul(hidden, hidden, { transposeB: true });
  const square = g.sub(g.add(squares, g.transpose(squares, [0, 2, 1])), g.mul(products, 2));
  const distances = g.mul(g.sqrt(g.max(square, leastSquare)), pairs);
  // Sums over all pairs of the row's document: of its rows' sums, those of the rows that it is a pair with.
  const sumOfDocument = (values: Value) => g.matMul(all, g.reduceSum(values, { axes: [-1], keepDims: true }));
  const mean = g.div(sumOfDocument(distances), g.max(sumOfDocument(pairs), 1));
  return g.div(distances, g.max(mean, Math.sqrt(leastSquare)));
}
