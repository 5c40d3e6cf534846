/** @file What a derivative rule is, and the one helper that nearly all of them share. */

import { UnsupportedError } from "../errors.js";
import { type Shape, sameDim } from "../graph/dims.js";
import type { Node, Value } from "../graph/graph.js";
import type { NodeOf, OpName } from "../graph/op-table.js";
import { reduceSum, reshape } from "../graph/ops/index.js";

/** Emits one input's gradient when asked: what nobody needs is never built. */
export type LazyGradient = () => Value;

/**
 * From a node and the cotangents of its outputs (undefined where nothing flows in) to one lazy gradient per input;
 * undefined for inputs that get none.
 */
export type GradientRule<K extends OpName = OpName> = (
  node: NodeOf<K>,
  outputGradients: readonly (Value | undefined)[],
) => readonly (LazyGradient | undefined)[];

/** `stops`: the derivative is zero everywhere. `missing`: there is one, but no rule for it; the reason goes into the error. */
export type NoRule = "stops" | { readonly missing: string };

/** Sums a gradient over the axes that broadcasting added, so that it has the operand's shape. */
export function sumToShape(gradient: Value, shape: Shape): Value {
  const extra = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((dim, axis) => {
    const own = shape[axis - extra];
    return own === undefined || (own === 1 && !sameDim(dim, 1)) ? [axis] : [];
  });
  const summed = axes.length === 0 ? gradient : reduceSum(gradient, { axes, keepDims: true });
  return reshape(summed, shape);
}

/** The cotangent of a node's only differentiable output; a rule is called only where one exists. */
export function only(gradients: readonly (Value | undefined)[]): Value {
  return gradients[0]!;
}

/** A lazy gradient that has no formula here: an error where it is asked for, nothing where it is not. */
export function noFormula(node: Pick<Node, "op" | "name">, what: string): LazyGradient {
  return () => {
    throw new UnsupportedError(
      `autodiff: no gradient formula for ${what} of "${node.op}", asked for at node "${node.name}".`,
    );
  };
}
