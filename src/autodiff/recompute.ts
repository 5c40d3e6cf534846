/** @file Trading time for memory: values that are computed again in the backward pass instead of being kept for it. */

import type { Value } from "../graph/graph.js";
import { add, customGradient, mul, stopGradient } from "../graph/ops/index.js";
import { lazyPullback } from "./gradients.js";

/**
 * `build(x)`, nothing of whose inside is kept for the backward pass: when the gradient arrives, it is built again from `x`.
 *
 * @param x - what alone is kept.
 * @param weights - the other values that `build` uses and that may get a gradient.
 * @param build - from a value like `x` to one value; called once for the forward pass, once for the backward pass.
 * @see Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost" (arXiv:1604.06174), §4.
 */
export function recomputed(x: Value, weights: readonly Value[], build: (x: Value) => Value): Value {
  return customGradient(build(x), [x, ...weights], (cotangent) => {
    // Tied to the gradient that arrives, the second pass can neither run before it nor be merged with the first.
    const again = stopGradient(add(x, mul(cotangent, 0)));
    return lazyPullback([{ output: build(again), cotangent }], [again, ...weights]);
  });
}
