/** @file Linear layers and lookups with named weights. */

import type { Value } from "../../graph/graph.js";
import { add, gather, matMul } from "../../graph/ops/index.js";
import type { QuantizedWeight } from "./quantized-weight.js";

/** `x · weightᵀ + bias`: `[rows, in]` with a weight `[out, in]` gives `[rows, out]`. */
export function linear(x: Value, weight: Value, bias?: Value): Value {
  const product =
    "quantized" in weight ? (weight as QuantizedWeight).quantized.multiply(x) : matMul(x, weight, { transposeB: true });
  return bias ? add(product, bias) : product;
}

/** Rows of a table: `[vocab, hidden]` and ids `[tokens]` give `[tokens, hidden]`. */
export function embed(table: Value, ids: Value): Value {
  const rows = "quantized" in table ? (table as QuantizedWeight).quantized.rows : undefined;
  return rows ? rows(ids) : gather(table, ids);
}
