/** @file Ops that pick or place elements by integer indices (int32 or int64). */

import { resolveAxis, sameDim, sameShape } from "../dims.js";
import type { Value } from "../graph.js";
import { emit, expectDType, expectRank, fail } from "./emit.js";

/** Whole slices of `table` along an axis, one per index: a `[vocab, hidden]` table and `[tokens]` ids give `[tokens, hidden]`. */
export function gather(table: Value, indices: Value, options: { readonly axis?: number } = {}): Value {
  expectDType("Gather", indices, "int32", "int64");
  const axis = resolveAxis("Gather", options.axis ?? 0, table.shape.length);
  const shape = [...table.shape.slice(0, axis), ...indices.shape, ...table.shape.slice(axis + 1)];
  return emit("Gather", [table, indices], { axis }, { dtype: table.dtype, shape });
}

function expectElementIndices(op: string, x: Value, indices: Value, axis: number): void {
  expectDType(op, indices, "int32", "int64");
  const fits =
    x.shape.length === indices.shape.length &&
    x.shape.every((dim, other) => other === axis || sameDim(dim, indices.shape[other]!));
  if (!fits) fail(op, [x, indices], `operands must agree in every axis but ${axis}`);
}

/** For each index the element at that place along the axis: `[rows, vocab]` and ids `[rows, k]` give `[rows, k]`. */
export function gatherElements(x: Value, indices: Value, options: { readonly axis?: number } = {}): Value {
  const axis = resolveAxis("GatherElements", options.axis ?? -1, x.shape.length);
  expectElementIndices("GatherElements", x, indices, axis);
  return emit("GatherElements", [x, indices], { axis }, { dtype: x.dtype, shape: indices.shape });
}

/** `base` plus `updates` at `indices` along the axis; repeated indices add up. */
export function scatterElementsAdd(
  base: Value,
  indices: Value,
  updates: Value,
  options: { readonly axis?: number } = {},
): Value {
  const op = "ScatterElementsAdd";
  const axis = resolveAxis(op, options.axis ?? -1, base.shape.length);
  expectElementIndices(op, base, indices, axis);
  if (updates.dtype !== base.dtype || !sameShape(updates.shape, indices.shape)) {
    fail(op, [base, indices, updates], "updates must have the base's dtype and the indices' shape");
  }
  return emit(op, [base, indices, updates], { axis }, { dtype: base.dtype, shape: base.shape });
}

/** `table` `[rows, width]` plus `updates` `[n, width]` at the row ids `[n]`; repeated ids add up. */
export function scatterRowsAdd(table: Value, ids: Value, updates: Value): Value {
  const op = "ScatterRowsAdd";
  expectDType(op, ids, "int32", "int64");
  expectRank(op, ids, 1);
  expectRank(op, table, 2);
  const fits = sameShape(updates.shape, [ids.shape[0]!, table.shape[1]!]);
  if (!fits || updates.dtype !== table.dtype) {
    fail(op, [table, ids, updates], "operands must be [rows, width], [n] and [n, width]");
  }
  return emit(op, [table, ids, updates], {}, { dtype: table.dtype, shape: table.shape });
}
