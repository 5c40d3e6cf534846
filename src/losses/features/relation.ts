/** @file Relations: softmaxes of scaled products between places, as attention computes them, compared by KL. */

import type { Dim } from "../../graph/dims.js";
import type { Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import type { LayerForm } from "../../models/layer-taps.js";
import { attentionBias } from "../../models/layers/attention.js";
import type { Feature, PlaceInputs } from "./feature.js";

/** The two sides of a relation of one model, each `[sequences, places, width]`. */
export type Related = readonly [from: Value, to: Value];

/**
 * KL of the student's relation rows from the teacher's, in the mean over `heads` relation heads.
 *
 * Each side's vectors are cut into `heads` pieces of d numbers. With a the pieces `from`, b those `to`, and j over the places of the
 * same document up to i:
 *
 *     Rᵢⱼ = softmax over j of ⟨aᵢ, bⱼ⟩ / √d,    rowᵢ = Σ over heads of KL(Rᵗᵢ ‖ Rˢᵢ) / heads
 *
 * Only the number of heads must agree, not d. Where teacher and student read different text, places are response rows alone, so
 * that relations are those among them.
 *
 * @returns `[sequences, places]`, nats.
 * @see Wang et al. 2021, "MiniLMv2", eq. 4 to 6 (arXiv:2012.15828). Differs: a causal model's relations reach back only.
 */
export function relationKl(student: Related, teacher: Related, heads: number, places: PlaceInputs): Value {
  const [own, other] = [logRelation(student, heads, places), logRelation(teacher, heads, places)];
  const perHead = g.reduceSum(g.mul(g.exp(other), g.sub(other, own)), { axes: [-1] });
  return g.reduceMean(perHead, { axes: [1] });
}

/** `[sequences, heads, places, places]`. */
function logRelation([from, to]: Related, heads: number, places: PlaceInputs): Value {
  const [sequences, count] = places.documents.shape as readonly [Dim, Dim];
  const width = Number(from.shape[2]) / heads;
  const cut = (value: Value) => g.transpose(g.reshape(value, [sequences, count, heads, width]), [0, 2, 1, 3]);
  const scores = g.matMul(cut(from), cut(to), { transposeB: true, alpha: 1 / Math.sqrt(width) });
  const bias = g.reshape(attentionBias(places, [places], from), [sequences, 1, count, count]);
  return g.logSoftmax(g.add(scores, bias));
}

/** The relation of one part of attention with itself, over any number of relation heads. */
export function relationWithin(part: "keys" | "values"): Pick<Feature, "parts" | "options" | "refuse" | "rows"> {
  return {
    parts: [part],
    options: ["relationHeads"],
    refuse: (student, teacher, { relationHeads = student.keyValueHeads }) =>
      refuseHeads(
        relationHeads,
        student.keyValueHeads * student.headDim,
        teacher.keyValueHeads * teacher.headDim,
        part,
      ),
    rows({ student, teacher, places, studentForm, options: { relationHeads = studentForm.keyValueHeads } }) {
      const [own, other] = [student[part]!, teacher[part]!];
      return relationKl([own, own], [other, other], relationHeads, places);
    },
  };
}

/** Keys `[sequences, places, keyValueHeads * headDim]` as wide as the queries: each repeated for the heads that share it. */
export function repeatForHeads(keys: Value, { heads, keyValueHeads, headDim }: LayerForm): Value {
  const [sequences, places] = keys.shape as readonly [Dim, Dim, Dim];
  const group = heads / keyValueHeads;
  const apart = g.reshape(keys, [sequences, places, keyValueHeads, 1, headDim]);
  const repeated = g.expand(apart, [sequences, places, keyValueHeads, group, headDim]);
  return g.reshape(repeated, [sequences, places, heads * headDim]);
}

/** Why two models have no relation of so many heads, where one side's width is no multiple of it. */
export function refuseHeads(heads: number, student: number, teacher: number, what: string): string | undefined {
  if (student % heads === 0 && teacher % heads === 0) return undefined;
  return `expected relationHeads that divide the width of the ${what} of both sides (${student} and ${teacher}), got ${heads}`;
}
