/** @file Relational angles: under which angles a row sees the rows before it. */

import type { Dim } from "../../graph/dims.js";
import type { Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import type { Feature } from "./feature.js";
import { lengthOf } from "./hidden-cosine.js";
import { huber } from "./pairs.js";

/** Places before each that it is compared with, where a config does not say. */
export const defaultNeighbours = 8;

/**
 * Huber's loss of the angles at one row between the directions to any two of the response rows among its `neighbours` last places.
 *
 * With h the hidden states, i the row, j and k over the v such rows of its document:
 *
 *     eⱼ = (hⱼ − hᵢ) / ‖hⱼ − hᵢ‖,    rowᵢ = Σ over j ≠ k of Huber(⟨eˢⱼ, eˢₖ⟩ − ⟨eᵗⱼ, eᵗₖ⟩) / v(v − 1),    0 where v < 2
 *
 * All triples of a document of n rows would be n³, so that the neighbourhood is bounded. The two sides may differ in width.
 *
 * @returns `[sequences, places]`, no unit.
 * @see Park et al. 2019, "Relational Knowledge Distillation", eq. 8 to 10 (arXiv:1904.05068). Differs: they take all triples of a
 *   mini-batch.
 */
export const relationalAngle: Feature = {
  name: "relational-angle",
  parts: ["hidden"],
  isProjected: false,
  defaultLayers: "last",
  options: ["neighbours"],
  rows({ student, teacher, places, options: { neighbours = defaultNeighbours } }) {
    const like = student.hidden!;
    const [sequences, count] = places.documents.shape as readonly [Dim, Dim];
    const order = g.cumSum(g.expand(like.graph.number("int64", 1), [count]), 0); // 1, 2, …
    const steps = like.graph.constant(
      "int64",
      [1, neighbours],
      BigInt64Array.from({ length: neighbours }, (_, i) => BigInt(i + 1)),
    );
    const before = g.sub(g.sub(g.reshape(order, [count, 1]), steps), 1); // [places, neighbours], below 0 before the line
    const index = g.max(before, 0);
    const isThere = g.reshape(g.less(index, g.add(before, 1)), [1, count, neighbours]);
    const at = (value: Value) => g.gather(value, index, { axis: 1 }); // [sequences, places, neighbours, …]
    const isSameDocument = g.equal(at(places.documents), g.reshape(places.documents, [sequences, count, 1]));
    const isNeighbour = g.cast(g.and(g.and(isThere, isSameDocument), g.equal(at(places.isRow), 1)), like.dtype);
    const pairs = g.mul(
      g.mul(
        g.reshape(isNeighbour, [sequences, count, neighbours, 1]),
        g.reshape(isNeighbour, [sequences, count, 1, neighbours]),
      ),
      distinct(like, neighbours),
    );
    const difference = g.sub(angles(student.hidden!, at), angles(teacher.hidden!, at));
    const sum = g.reduceSum(g.mul(huber(difference), pairs), { axes: [-2, -1] });
    return g.div(sum, g.max(g.reduceSum(pairs, { axes: [-2, -1] }), 1));
  },
};

/** Cosines at every place between the directions to its neighbours, `[sequences, places, neighbours, neighbours]`. */
function angles(hidden: Value, at: (value: Value) => Value): Value {
  const [sequences, places, width] = hidden.shape as readonly [Dim, Dim, Dim];
  const towards = g.sub(at(hidden), g.reshape(hidden, [sequences, places, 1, width]));
  const [, , neighbours] = towards.shape as readonly [Dim, Dim, Dim, Dim];
  const directions = g.div(towards, g.reshape(lengthOf(towards), [sequences, places, neighbours, 1]));
  return g.matMul(directions, directions, { transposeB: true });
}

/** `[count, count]`, 0 on the diagonal and 1 elsewhere. */
function distinct({ graph, dtype }: Value, count: number): Value {
  const order = graph.constant(
    "int32",
    [count],
    Int32Array.from({ length: count }, (_, i) => i),
  );
  const isSame = g.equal(g.reshape(order, [count, 1]), g.reshape(order, [1, count]));
  return g.sub(1, g.cast(isSame, dtype === "float64" ? "float64" : "float32"));
}
