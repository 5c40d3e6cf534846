/** @file Derivative checks of reductions and softmaxes. */

import * as g from "../../../src/graph/ops/index.js";
import { type Domain, draw, type GradientCase, type Inputs, numbers } from "./gradient-case.js";

function reduction(op: typeof g.reduceSum, domain: Domain = "any"): GradientCase[] {
  const x = draw([2, 3, 4], domain);
  const over = (name: string, options: g.ReduceOptions): GradientCase => ({
    name,
    feeds: { x },
    build: ({ x }: Inputs) => op(x, options),
  });
  return [
    over("all axes", {}),
    over("all axes, kept", { keepDims: true }),
    over("a middle axis", { axes: [1] }),
    over("the last axis, counted from the back, kept", { axes: [-1], keepDims: true }),
    over("two axes out of order", { axes: [-1, 0] }),
    {
      name: "symbolic sizes",
      feeds: { x },
      shapes: { x: ["batch", "tokens", 4] },
      build: ({ x }: Inputs) => [op(x, { axes: [0, 1] }), op(x, { axes: [1], keepDims: true }), op(x)],
    },
  ];
}

function normalization(op: typeof g.softmax): GradientCase[] {
  const build = ({ x }: Inputs) => op(x);
  return [
    { name: "the last axis", feeds: { x: draw([2, 4]) }, build },
    { name: "a middle axis", feeds: { x: draw([2, 3, 4]) }, build: ({ x }: Inputs) => op(x, { axis: 1 }) },
    {
      name: "an axis counted from the back",
      feeds: { x: draw([2, 3, 4]) },
      build: ({ x }: Inputs) => op(x, { axis: -3 }),
    },
    { name: "symbolic sizes", feeds: { x: draw([2, 4]) }, shapes: { x: ["rows", "vocab"] }, build },
    { name: "logits of ±100", feeds: { x: numbers(100, -100, 0, 99) }, build },
    { name: "all equal", feeds: { x: numbers(3, 3, 3) }, build },
    { name: "a single element", feeds: { x: draw([3, 1]) }, build },
  ];
}

export const reductionCases = {
  ReduceSum: reduction(g.reduceSum),
  ReduceMean: reduction(g.reduceMean),
  ReduceMax: reduction(g.reduceMax, "distinct"),
  ReduceLogSumExp: [
    ...reduction(g.reduceLogSumExp),
    { name: "values of ±500", feeds: { x: numbers(500, -500, 499.5) }, build: ({ x }: Inputs) => g.reduceLogSumExp(x) },
  ],
  Softmax: normalization(g.softmax),
  LogSoftmax: normalization(g.logSoftmax),
  TopK: [
    { name: "2 of 5", feeds: { x: draw([3, 5], "distinct") }, build: ({ x }: Inputs) => g.topK(x, 2).values },
    { name: "all", feeds: { x: draw([5], "distinct") }, build: ({ x }: Inputs) => g.topK(x, 5).values },
    {
      name: "symbolic sizes, indices used to gather",
      feeds: { x: draw([2, 5], "distinct"), a: draw([2, 5]) },
      shapes: { x: ["rows", "vocab"], a: ["rows", "vocab"] },
      build: ({ x, a }: Inputs) => {
        const { values, indices } = g.topK(x, 3);
        return g.mul(values, g.gatherElements(a, indices));
      },
    },
  ],
} satisfies Readonly<Record<string, readonly GradientCase[]>>;
