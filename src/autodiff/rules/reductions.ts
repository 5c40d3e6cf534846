/** @file Derivatives of reductions and softmaxes. */

import type { Value } from "../../graph/graph.js";
import type { NodeOf } from "../../graph/op-table.js";
import * as g from "../../graph/ops/index.js";
import { reducedShape } from "../../graph/ops/reductions.js";
import { type GradientRule, only } from "../rule.js";

type Reduce = "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceLogSumExp";

/** A reduced value with its reduced axes back at size 1, so that it broadcasts against the operand. */
function keepAxes(reduced: Value, node: NodeOf<Reduce>): Value {
  const { axes } = node.attributes;
  return g.reshape(reduced, reducedShape(node.inputs[0]!.shape, { axes, keepDims: true }));
}

function reduction<K extends Reduce>(rule: (dY: Value, x: Value, node: NodeOf<K>) => Value): GradientRule<K> {
  return (node, gradients) => [() => rule(keepAxes(only(gradients), node), node.inputs[0]!, node)];
}

export const reductionRules = {
  // Y = Σ X  ⇒  dX = dY everywhere
  ReduceSum: reduction<"ReduceSum">((dY, x) => g.expand(dY, x.shape)),
  // Y = Σ X / n  ⇒  dX = dY / n
  ReduceMean: reduction<"ReduceMean">((dY, x, node) => {
    let scaled = dY;
    for (const axis of node.attributes.axes) {
      const size = x.shape[axis]!;
      scaled = g.div(scaled, typeof size === "number" ? size : g.cast(g.dimScalar(x, axis), x.dtype));
    }
    return g.expand(scaled, x.shape);
  }),
  // Y = max X  ⇒  the maxima share dY equally
  ReduceMax: reduction<"ReduceMax">((dY, x, node) => {
    const isMaximum = g.cast(g.equal(x, keepAxes(node.outputs[0]!, node)), x.dtype);
    const count = g.reduceSum(isMaximum, { axes: node.attributes.axes, keepDims: true });
    return g.mul(isMaximum, g.div(dY, count));
  }),
  // Y = log Σ eˣ  ⇒  dX = dY · e^(X − Y)
  ReduceLogSumExp: reduction<"ReduceLogSumExp">((dY, x, node) =>
    g.mul(dY, g.exp(g.sub(x, keepAxes(node.outputs[0]!, node)))),
  ),
  // Y = softmax X  ⇒  dX = Y · (dY − Σ dY·Y)
  Softmax: ((node, gradients) => [
    () => {
      const dY = only(gradients);
      const y = node.outputs[0]!;
      const projection = g.reduceSum(g.mul(dY, y), { axes: [node.attributes.axis], keepDims: true });
      return g.mul(y, g.sub(dY, projection));
    },
  ]) satisfies GradientRule<"Softmax">,
  // Y = X − log Σ eˣ  ⇒  dX = dY − e^Y · Σ dY
  LogSoftmax: ((node, gradients) => [
    () => {
      const dY = only(gradients);
      const total = g.reduceSum(dY, { axes: [node.attributes.axis], keepDims: true });
      return g.sub(dY, g.mul(g.exp(node.outputs[0]!), total));
    },
  ]) satisfies GradientRule<"LogSoftmax">,
  // Y = the k largest of X  ⇒  dX = zeros, with dY where they stood
  TopK: ((node, gradients) => [
    () => {
      const [x] = node.inputs as [Value];
      return g.scatterElementsAdd(g.zeros(x, x.shape), node.outputs[1]!, only(gradients));
    },
  ]) satisfies GradientRule<"TopK">,
};
