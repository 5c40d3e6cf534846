/** @file Trading time for memory: values that are computed again in the backward pass instead of being kept for it. */

import { isFloat } from "../graph/dtype.js";
import type { Node, Value } from "../graph/graph.js";
import { add, customGradient, mul, stopGradient } from "../graph/ops/index.js";
import { dependencies } from "../graph/walk.js";
import { lazyPullback } from "./gradients.js";

/**
 * `build(x)`, nothing of whose inside is kept for the backward pass: when the gradient arrives, it is built again from `x`.
 *
 * @param x - what alone is kept.
 * @param build - from a value like `x` to another like it; called once for the forward pass, once for the backward pass. It may
 *   use other values of the graph: they stay, and get their gradients.
 * @see Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost" (arXiv:1604.06174), §4.
 */
export function recomputed(x: Value, build: (x: Value) => Value): Value {
  const { nodes } = x.graph;
  const before = nodes.length;
  const output = build(x);
  const captured = capturedBy(nodes.slice(before)).filter((value) => value !== x);
  return customGradient(output, [x, ...captured], (cotangent) => {
    // Tied to the gradient that arrives, the second pass can neither run before it nor be merged with the first.
    const again = stopGradient(add(x, mul(cotangent, 0)));
    return lazyPullback([{ output: build(again), cotangent }], [again, ...captured]);
  });
}

/** Weights and other float values that nodes use and do not make. */
function capturedBy(nodes: readonly Node[]): readonly Value[] {
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const used = new Set(nodes.flatMap(dependencies));
  return [...used].filter((value) => !made.has(value) && isFloat(value.dtype) && !("data" in value));
}
