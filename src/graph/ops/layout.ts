/** @file Ops that move elements without changing them. */

import {
  broadcastShapes,
  type Dim,
  elementCount,
  printShape,
  resolveAxis,
  type Shape,
  sameDim,
  sameShape,
} from "../dims.js";
import type { Value } from "../graph.js";
import { emit, fail, ownerOf } from "./emit.js";

/** The same elements in another shape of equal element count. */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  if (!sameDim(elementCount(x.shape), elementCount(shape))) {
    fail("Reshape", [x], `the operand must have as many elements as ${printShape(shape)}`);
  }
  return emit("Reshape", [x], {}, { dtype: x.dtype, shape });
}

/** Axes in another order: axis i of the result is axis `permutation[i]` of the operand. */
export function transpose(x: Value, permutation: readonly number[]): Value {
  const sorted = [...permutation].sort((a, b) => a - b);
  if (sorted.length !== x.shape.length || sorted.some((axis, i) => axis !== i)) {
    fail("Transpose", [x], `the permutation [${permutation.join(", ")}] must name each axis once`);
  }
  if (permutation.every((axis, i) => axis === i)) return x;
  return emit("Transpose", [x], { permutation }, { dtype: x.dtype, shape: permutation.map((axis) => x.shape[axis]!) });
}

/** The operand repeated along axes of size 1 (or new leading axes) to fill `shape`. */
export function expand(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const result = broadcastShapes(x.shape, shape);
  if (!result || !sameShape(result, shape)) fail("Expand", [x], `the operand must broadcast to ${printShape(shape)}`);
  return emit("Expand", [x], {}, { dtype: x.dtype, shape });
}

/**
 * Operands one after the other along an axis; other axes must be equal.
 *
 * @param options.size - what the sum of sizes is called where it is not known: "past+tokens" unless given.
 */
export function concat(values: readonly Value[], axis: number, options: { readonly size?: Dim } = {}): Value {
  const first = values[0]!;
  const at = resolveAxis("Concat", axis, first.shape.length);
  for (const { shape, dtype } of values) {
    const fits =
      dtype === first.dtype &&
      shape.length === first.shape.length &&
      shape.every((dim, other) => other === at || sameDim(dim, first.shape[other]!));
    if (!fits) fail("Concat", values, `operands must agree in dtype and in every axis but ${at}`);
  }
  if (values.length === 1) return first;
  const sizes = values.map(({ shape }) => shape[at]!);
  const size = sumOf(sizes) ?? options.size ?? nameOfSum(sizes);
  const shape = first.shape.map((dim, other) => (other === at ? size : dim));
  return emit("Concat", values, { axis: at }, { dtype: first.dtype, shape });
}

/** The pieces of an axis that have these sizes, one after the other: undoes {@link concat}. */
export function split(x: Value, axis: number, sizes: readonly Dim[]): readonly Value[] {
  const at = resolveAxis("Split", axis, x.shape.length);
  const total = sumOf(sizes);
  // Where sizes are symbols, the engine checks their sum.
  if (sizes.length === 0 || (total !== undefined && !sameDim(total, x.shape[at]!))) {
    fail("Split", [x], `axis ${at} must be the sum of the sizes ${printShape(sizes)}`);
  }
  if (sizes.length === 1) return [x];
  const types = sizes.map((size) => ({ dtype: x.dtype, shape: x.shape.with(at, size) }));
  return ownerOf([x]).append("Split", [x], { axis: at }, types);
}

/** A symbol, the same for the same sizes in any order: dims are products, so a sum is a size of its own. */
function nameOfSum(sizes: readonly Dim[]): string {
  return sizes
    .map((size) => String(size).replaceAll("*", "·"))
    .sort()
    .join("+");
}

function sumOf(sizes: readonly Dim[]): number | undefined {
  let sum = 0;
  for (const size of sizes) {
    if (typeof size !== "number") return undefined;
    sum += size;
  }
  return sum;
}

/** Elements `start` to `end` (exclusive) of an axis of known size. */
export function slice(
  x: Value,
  options: { readonly axis: number; readonly start: number; readonly end: number },
): Value {
  const axis = resolveAxis("Slice", options.axis, x.shape.length);
  const { start, end } = options;
  const size = x.shape[axis]!;
  if (typeof size !== "number" || start < 0 || end > size || start >= end) {
    fail("Slice", [x], `axis ${axis} must have a known size that holds ${start} to ${end}`);
  }
  if (start === 0 && end === size) return x;
  const shape = x.shape.map((dim, other) => (other === axis ? end - start : dim));
  return emit("Slice", [x], { axis, start, end }, { dtype: x.dtype, shape });
}

/** Zeros before and after the elements along an axis of known size. */
export function pad(
  x: Value,
  options: { readonly axis: number; readonly before: number; readonly after: number },
): Value {
  const axis = resolveAxis("Pad", options.axis, x.shape.length);
  const { before, after } = options;
  const size = x.shape[axis]!;
  if (typeof size !== "number" || before < 0 || after < 0) {
    fail("Pad", [x], `axis ${axis} must have a known size, and ${before} and ${after} must not be negative`);
  }
  if (before === 0 && after === 0) return x;
  const shape = x.shape.map((dim, other) => (other === axis ? size + before + after : dim));
  return emit("Pad", [x], { axis, before, after }, { dtype: x.dtype, shape });
}

/** The size of one axis when the graph runs, int64 `[1]`. */
export function dimSize(x: Value, axis: number): Value {
  return emit("DimSize", [x], { axis: resolveAxis("DimSize", axis, x.shape.length) }, { dtype: "int64", shape: [1] });
}

/** The size of one axis when the graph runs, int64 scalar. */
export function dimScalar(x: Value, axis: number): Value {
  return reshape(dimSize(x, axis), []);
}

/** A tensor filled with zeros of `like`'s dtype. */
export function zeros(like: Value, shape: Shape): Value {
  return expand(ownerOf([like]).number(like.dtype, 0), shape);
}
