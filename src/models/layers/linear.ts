/** @file Linear layers and named weights. */

import type { Value } from "../../graph/graph.js";
import { add, matMul } from "../../graph/ops/index.js";

/** `x · weightᵀ + bias`: `[rows, in]` with a weight `[out, in]` gives `[rows, out]`. */
export function linear(x: Value, weight: Value, bias?: Value): Value {
  const product = matMul(x, weight, { transposeB: true });
  return bias ? add(product, bias) : product;
}
