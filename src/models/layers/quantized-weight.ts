/** @file Weights that are kept in 8 or 4 bits: values like any other, which products and lookups use as they are kept. */

import type { Graph, Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";

/**
 * How a weight is kept. `int8`: one scale per output, for reading many tokens at once. `8-bit-blocks` and `4-bit-blocks`: one
 * scale per 32 inputs, for writing one token after the other.
 */
export type WeightFormat = "int8" | "8-bit-blocks" | "4-bit-blocks";

/** Names of the two parameters that a quantized weight is kept in. */
export function quantizedNames(name: string): { readonly values: string; readonly scales: string } {
  return { values: `${name}.quantized`, scales: `${name}.scales` };
}

/**
 * A weight `[outputs, inputs]` that is kept in fewer bits. As a value it is what the numbers stand for, computed anew in every
 * run; `linear` and `embed` do without that.
 */
export interface QuantizedWeight extends Value {
  readonly quantized: {
    /** `x · weightᵀ`. */
    readonly multiply: (x: Value) => Value;
    /** Rows of the weight; only blocks can be looked up. */
    readonly rows?: (ids: Value) => Value;
  };
}

/** Smallest divisor of a row: a row of zeros stays one. */
const tiny = 1e-30;

/** Places a weight's two parameters, named by {@link quantizedNames}. */
export function placeQuantized(
  graph: Graph,
  name: string,
  [outputs, inputs]: readonly [number, number],
  format: WeightFormat,
): QuantizedWeight {
  const names = quantizedNames(name);
  if (format === "int8") {
    const values = graph.parameter(names.values, [inputs, outputs], "int8");
    const scales = graph.parameter(names.scales, [outputs]);
    const weight = g.transpose(g.mul(g.cast(values, "float32"), scales), [1, 0]);
    return { ...weight, quantized: { multiply: (x) => multiplyByRow(x, values, scales) } };
  }
  const bits = format === "4-bit-blocks" ? 4 : 8;
  const blocks = Math.ceil(inputs / 32);
  const values = graph.parameter(names.values, [outputs, blocks, 4 * bits], "uint8");
  const scales = graph.parameter(names.scales, [outputs, blocks]);
  const rows = (ids: Value) => {
    const table = g.reshape(values, [outputs, blocks * 4 * bits]);
    const taken = g.gatherBlockQuantized(table, scales, ids, { bits });
    return blocks * 32 === inputs ? taken : g.slice(taken, { axis: 1, start: 0, end: inputs });
  };
  const all = graph.constant(
    "int32",
    [outputs],
    Int32Array.from({ length: outputs }, (_, i) => i),
    "rows",
  );
  return { ...rows(all), quantized: { multiply: (x) => g.matMulNBits(x, values, scales, { bits }), rows } };
}

/**
 * The product with activations rounded to 8 bits, each row by a scale of its own: rows are divided by their largest magnitude
 * before, and multiplied by it after. With one scale for all of them the few tokens with outliers would ruin all others.
 */
function multiplyByRow(x: Value, values: Value, scales: Value): Value {
  const most = g.max(g.reduceMax(g.abs(x), { axes: [-1], keepDims: true }), tiny);
  return g.mul(g.dynamicQuantizeMatMul(g.div(x, most), values, scales), most);
}
