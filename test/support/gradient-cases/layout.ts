/** @file Derivative checks of ops that move elements. */

import { multiplyDims } from "../../../src/graph/dims.js";
import * as g from "../../../src/graph/ops/index.js";
import { draw, type GradientCase, type Inputs, indices } from "./gradient-case.js";

export const layoutCases = {
  Reshape: [
    { name: "known sizes", feeds: { x: draw([2, 6]) }, build: ({ x }: Inputs) => g.reshape(x, [3, 4]) },
    {
      name: "to a scalar and back",
      feeds: { x: draw([1]) },
      build: ({ x }: Inputs) => g.reshape(g.reshape(x, []), [1, 1]),
    },
    {
      name: "symbols joined, split, moved and kept",
      feeds: { x: draw([2, 3, 4]) },
      shapes: { x: ["batch", "tokens", 4] },
      build: ({ x }: Inputs) => [
        g.reshape(x, ["batch*tokens", 4]),
        g.reshape(x, ["batch", "tokens", 2, 2]),
        g.reshape(g.transpose(x, [1, 0, 2]), ["batch", "tokens", 2, 2]),
        g.reshape(x, [2, multiplyDims("tokens", "batch", 2)]),
      ],
    },
  ],
  Transpose: [
    { name: "a matrix", feeds: { x: draw([2, 3]) }, build: ({ x }: Inputs) => g.transpose(x, [1, 0]) },
    {
      name: "a permutation that is not its own inverse",
      feeds: { x: draw([2, 3, 4]) },
      build: ({ x }: Inputs) => g.transpose(x, [2, 0, 1]),
    },
  ],
  Expand: [
    { name: "ones and new axes", feeds: { x: draw([2, 1]) }, build: ({ x }: Inputs) => g.expand(x, [3, 2, 4]) },
    { name: "a scalar", feeds: { x: draw([]) }, build: ({ x }: Inputs) => g.expand(x, [2, 2]) },
    {
      name: "to products of symbols",
      feeds: { x: draw([1, 3]), a: draw([2, 3]) },
      shapes: { a: ["batch", "tokens"], x: [1, "tokens"] },
      build: ({ x, a }: Inputs) => g.mul(g.expand(x, ["2*batch", "tokens"]), g.reduceSum(a)),
    },
  ],
  Concat: [
    {
      name: "three operands, one twice",
      feeds: { a: draw([2, 1]), b: draw([2, 3]) },
      build: ({ a, b }: Inputs) => g.concat([a, b, a], 1),
    },
    {
      name: "an axis counted from the back, symbolic rows",
      feeds: { a: draw([2, 3, 1]), b: draw([2, 3, 2]) },
      shapes: { a: ["batch", "rows", 1], b: ["batch", "rows", 2] },
      build: ({ a, b }: Inputs) => g.concat([a, b], -1),
    },
    {
      name: "an axis of symbols",
      feeds: { a: draw([2, 2]), b: draw([2, 3]) },
      shapes: { a: ["rows", "left"], b: ["rows", "right"] },
      build: ({ a, b }: Inputs) => g.split(g.exp(g.concat([a, b], 1)), 1, ["left", "right"]),
    },
  ],
  Split: [
    {
      name: "three pieces, one without a gradient",
      feeds: { x: draw([2, 6]) },
      build: ({ x }: Inputs) => g.split(x, 1, [1, 2, 3]).slice(1),
    },
    {
      name: "an axis whose pieces have symbols for sizes",
      feeds: { x: draw([2, 5]), a: draw([2, 2]), b: draw([2, 3]) },
      shapes: { x: ["rows", "both"], a: ["rows", "left"], b: ["rows", "right"] },
      build: ({ x, a, b }: Inputs) => {
        const [left, right] = g.split(x, -1, ["left", "right"]);
        return [g.mul(left!, a), g.mul(right!, b)];
      },
    },
  ],
  Slice: [
    {
      name: "the middle",
      feeds: { x: draw([5, 2]) },
      build: ({ x }: Inputs) => g.slice(x, { axis: 0, start: 1, end: 4 }),
    },
    {
      name: "an axis counted from the back, symbolic rows",
      feeds: { x: draw([2, 4]) },
      shapes: { x: ["rows", 4] },
      build: ({ x }: Inputs) => [
        g.slice(x, { axis: -1, start: 0, end: 2 }),
        g.slice(x, { axis: -1, start: 1, end: 4 }),
      ],
    },
  ],
  Pad: [
    {
      name: "both sides",
      feeds: { x: draw([2, 3]) },
      build: ({ x }: Inputs) => g.pad(x, { axis: 0, before: 1, after: 2 }),
    },
    {
      name: "an axis counted from the back, symbolic rows",
      feeds: { x: draw([2, 3]) },
      shapes: { x: ["rows", 3] },
      build: ({ x }: Inputs) => g.pad(x, { axis: -1, before: 0, after: 1 }),
    },
  ],
  Gather: [
    {
      name: "repeated and negative row ids",
      feeds: { x: draw([4, 2]), ids: indices([5], [3, 0, 3, -1, 3], "int32") },
      build: ({ x, ids }: Inputs) => g.gather(x, ids!),
    },
    {
      name: "ids of two axes along a middle axis",
      feeds: { x: draw([2, 3, 2]), ids: indices([2, 2], [2, 0, 2, 1]) },
      build: ({ x, ids }: Inputs) => g.gather(x, ids!, { axis: 1 }),
    },
    {
      name: "a scalar id along the last axis",
      feeds: { x: draw([2, 3]), ids: indices([], [1]) },
      build: ({ x, ids }: Inputs) => g.gather(x, ids!, { axis: -1 }),
    },
    {
      name: "symbolic sizes",
      feeds: { x: draw([2, 3, 2]), ids: indices([4], [1, 1, 0, 2]) },
      shapes: { x: ["batch", "tokens", 2], ids: ["rows"] },
      build: ({ x, ids }: Inputs) => [
        g.gather(x, ids!, { axis: 1 }),
        g.gather(g.reshape(x, ["batch*tokens", 2]), ids!),
      ],
    },
  ],
  GatherElements: [
    {
      name: "the last axis, repeated ids",
      feeds: { x: draw([2, 4]), ids: indices([2, 3], [0, 0, 3, 1, 2, 1]) },
      build: ({ x, ids }: Inputs) => g.gatherElements(x, ids!),
    },
    {
      name: "the first axis, symbolic sizes",
      feeds: { x: draw([3, 2]), ids: indices([2, 2], [0, 2, 2, 2], "int32") },
      shapes: { x: ["vocab", "width"], ids: ["k", "width"] },
      build: ({ x, ids }: Inputs) => g.gatherElements(x, ids!, { axis: 0 }),
    },
  ],
  ScatterElementsAdd: [
    {
      name: "repeated ids add up",
      feeds: { a: draw([2, 4]), b: draw([2, 3]), ids: indices([2, 3], [0, 0, 3, 1, 2, 1]) },
      build: ({ a, b, ids }: Inputs) => g.scatterElementsAdd(a, ids!, b),
    },
    {
      name: "the first axis, symbolic sizes",
      feeds: { a: draw([3, 2]), b: draw([2, 2]), ids: indices([2, 2], [0, 2, 2, 2], "int32") },
      shapes: { a: ["vocab", "width"], b: ["k", "width"], ids: ["k", "width"] },
      build: ({ a, b, ids }: Inputs) => g.scatterElementsAdd(a, ids!, b, { axis: 0 }),
    },
  ],
  ScatterRowsAdd: [
    {
      name: "repeated rows add up",
      feeds: { a: draw([3, 2]), b: draw([4, 2]), ids: indices([4], [2, 0, 2, 2]) },
      build: ({ a, b, ids }: Inputs) => g.scatterRowsAdd(a, ids!, b),
    },
    {
      name: "symbolic sizes, int32 ids",
      feeds: { a: draw([3, 2]), b: draw([4, 2]), ids: indices([4], [2, 0, 2, 2], "int32") },
      shapes: { a: ["vocab", "width"], b: ["rows", "width"], ids: ["rows"] },
      build: ({ a, b, ids }: Inputs) => g.scatterRowsAdd(a, ids!, b),
    },
  ],
} satisfies Readonly<Record<string, readonly GradientCase[]>>;
