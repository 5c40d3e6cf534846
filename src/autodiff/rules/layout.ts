/** @file Derivatives of ops that move elements: the gradient moves back. */

import { elementCount } from "../../graph/dims.js";
import type { Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import { type GradientRule, only, sumToShape } from "../rule.js";

// Y = X in another shape  ⇒  dX = dY in the shape of X
const reshape: GradientRule<"Reshape"> = (node, gradients) => [() => g.reshape(only(gradients), node.inputs[0]!.shape)];

// Y = X with its axes permuted  ⇒  dX = dY permuted back
const transpose: GradientRule<"Transpose"> = (node, gradients) => [
  () => {
    const inverse: number[] = [];
    for (const [i, axis] of node.attributes.permutation.entries()) inverse[axis] = i;
    return g.transpose(only(gradients), inverse);
  },
];

// Y = X repeated along axes  ⇒  dX = dY summed over the repeats
const expand: GradientRule<"Expand"> = (node, gradients) => [() => sumToShape(only(gradients), node.inputs[0]!.shape)];

// Y = [A, B, …]  ⇒  dA, dB, … are the pieces of dY
const concat: GradientRule<"Concat"> = (node, gradients) => {
  const { axis } = node.attributes;
  const sizes = node.inputs.map(({ shape }) => shape[axis]!);
  let pieces: readonly Value[] | undefined;
  return node.inputs.map((_, i) => () => {
    pieces ??= g.split(only(gradients), axis, sizes);
    return pieces[i]!;
  });
};

// [A, B, …] = the pieces of X  ⇒  dX = [dA, dB, …], zeros where nothing flows in
const split: GradientRule<"Split"> = (node, gradients) => [
  () => {
    const { axis } = node.attributes;
    const pieces = node.outputs.map((piece, i) => gradients[i] ?? g.zeros(piece, piece.shape));
    return g.concat(pieces, axis, { size: node.inputs[0]!.shape[axis]! });
  },
];

// Y = X[start … end]  ⇒  dX = dY with zeros before and after it
const slice: GradientRule<"Slice"> = (node, gradients) => [
  () => {
    const { axis, start, end } = node.attributes;
    const size = node.inputs[0]!.shape[axis] as number;
    return g.pad(only(gradients), { axis, before: start, after: size - end });
  },
];

// Y = X with zeros before and after it  ⇒  dX = the slice of dY where X stands
const pad: GradientRule<"Pad"> = (node, gradients) => [
  () => {
    const { axis, before } = node.attributes;
    const size = node.inputs[0]!.shape[axis] as number;
    return g.slice(only(gradients), { axis, start: before, end: before + size });
  },
];

/** Moves `count` axes that start at `from` to the front. */
function bringForward(rank: number, from: number, count: number): number[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return [...axes.splice(from, count), ...axes];
}

// Y = T[ids]  ⇒  dT = zeros, with dY added at the rows ids; repeated ids add up
const gather: GradientRule<"Gather"> = (node, gradients) => [
  () => {
    const dY = only(gradients);
    const [table, ids] = node.inputs as [Value, Value];
    const { axis } = node.attributes;
    const rank = table.shape.length;
    const forward = g.transpose(dY, bringForward(dY.shape.length, axis, ids.shape.length));
    const rest = table.shape.filter((_, other) => other !== axis);
    const width = elementCount(rest);
    const count = elementCount(ids.shape);
    const rows = g.zeros(table, [table.shape[axis]!, width]);
    const summed = g.scatterRowsAdd(rows, g.reshape(ids, [count]), g.reshape(forward, [count, width]));
    const back = g.reshape(summed, [table.shape[axis]!, ...rest]);
    const inverse: number[] = [];
    for (const [i, from] of bringForward(rank, axis, 1).entries()) inverse[from] = i;
    return g.transpose(back, inverse);
  },
  undefined,
];

// Y[i] = X[ids[i]] along an axis  ⇒  dX = zeros, with dY added at ids
const gatherElements: GradientRule<"GatherElements"> = (node, gradients) => [
  () => {
    const [x, indices] = node.inputs as [Value, Value];
    return g.scatterElementsAdd(g.zeros(x, x.shape), indices, only(gradients), { axis: node.attributes.axis });
  },
  undefined,
];

// Y = A, with B added at ids along an axis  ⇒  dA = dY, dB = dY at ids
const scatterElementsAdd: GradientRule<"ScatterElementsAdd"> = (node, gradients) => [
  () => only(gradients),
  undefined,
  () => g.gatherElements(only(gradients), node.inputs[1]!, { axis: node.attributes.axis }),
];

// Y = A, with B added at the rows ids  ⇒  dA = dY, dB = the rows ids of dY
const scatterRowsAdd: GradientRule<"ScatterRowsAdd"> = (node, gradients) => [
  () => only(gradients),
  undefined,
  () => g.gather(only(gradients), node.inputs[1]!),
];

export const layoutRules = {
  Reshape: reshape,
  Transpose: transpose,
  Expand: expand,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Gather: gather,
  GatherElements: gatherElements,
  ScatterElementsAdd: scatterElementsAdd,
  ScatterRowsAdd: scatterRowsAdd,
};
