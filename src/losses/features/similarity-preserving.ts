/** @file Similarity-preserving: which rows are alike in the teacher shall be alike in the student. */

import type { Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import type { Feature } from "./feature.js";
import { rowPairs } from "./pairs.js";

/** Below it the norm of a row of similarities counts as this. */
const leastNorm = 1e-12;

/**
 * How the similarities of one row with all n rows of its document differ between the sides, as shares of their norm.
 *
 * With H the hidden states of a document's response rows and i, j over them:
 *
 *     S = H·Hᵀ,    Ŝᵢ = Sᵢ / ‖Sᵢ‖₂,    rowᵢ = Σⱼ (Ŝˢᵢⱼ − Ŝᵗᵢⱼ)² / n
 *
 * The mean over a document's rows is the paper's loss with the document as the batch. The two sides may differ in width.
 *
 * @returns `[sequences, places]`, no unit.
 * @see Tung & Mori 2019, "Similarity-Preserving Knowledge Distillation", eq. 2 to 4 (arXiv:1907.09682); b is our n.
 */
export const similarityPreserving: Feature = {
  name: "similarity-preserving",
  parts: ["hidden"],
  isProjected: false,
  defaultLayers: "last",
  options: [],
  rows({ student, teacher, places }) {
    const pairs = rowPairs(places, student.hidden!);
    const difference = g.sub(similarities(student.hidden!, pairs), similarities(teacher.hidden!, pairs));
    const count = g.max(g.reduceSum(pairs, { axes: [-1] }), 1);
    return g.div(g.reduceSum(g.mul(difference, difference), { axes: [-1] }), count);
  },
};

/** Ŝ, 0 where two places are no pair. */
function similarities(hidden: Value, pairs: Value): Value {
  const products = g.mul(g.matMul(hidden, hidden, { transposeB: true }), pairs);
  const squares = g.reduceSum(g.mul(products, products), { axes: [-1], keepDims: true });
  return g.div(products, g.sqrt(g.max(squares, leastNorm ** 2)));
}
