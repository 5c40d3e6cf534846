/** @file Ops that combine the elements along axes. */

import { resolveAxis, type Shape } from "../dims.js";
import type { Value } from "../graph.js";
import type { Reduction } from "../op-table.js";
import { emit, expectFloat, fail, ownerOf } from "./emit.js";

export interface ReduceOptions {
  /** Axes to reduce, negative ones from the back; all when left out. */
  readonly axes?: readonly number[];
  /** Keep reduced axes with size 1. */
  readonly keepDims?: boolean;
}

type ReduceOp = "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceLogSumExp";

function reduction(op: ReduceOp) {
  return (x: Value, options: ReduceOptions = {}): Value => {
    expectFloat(op, x);
    const rank = x.shape.length;
    const axes = (options.axes ?? x.shape.map((_, axis) => axis)).map((axis) => resolveAxis(op, axis, rank));
    axes.sort((a, b) => a - b);
    if (axes.length === 0) return x;
    const attributes: Reduction = { axes, keepDims: options.keepDims ?? false };
    return emit(op, [x], attributes, { dtype: x.dtype, shape: reducedShape(x.shape, attributes) });
  };
}

/** The shape that is left of `shape` after a reduction. */
export function reducedShape(shape: Shape, { axes, keepDims }: Reduction): Shape {
  if (keepDims) return shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  return shape.filter((_, axis) => !axes.includes(axis));
}

export const reduceSum = reduction("ReduceSum");
export const reduceMean = reduction("ReduceMean");
export const reduceMax = reduction("ReduceMax");
/** log Σ exp, computed after subtracting the maximum. */
export const reduceLogSumExp = reduction("ReduceLogSumExp");

function normalization(op: "Softmax" | "LogSoftmax") {
  return (x: Value, options: { readonly axis?: number } = {}): Value => {
    expectFloat(op, x);
    const axis = resolveAxis(op, options.axis ?? -1, x.shape.length);
    return emit(op, [x], { axis }, { dtype: x.dtype, shape: x.shape });
  };
}

/** exp(x) / Σ exp(x) along one axis, the last unless given. */
export const softmax = normalization("Softmax");
/** x − log Σ exp(x) along one axis, the last unless given. */
export const logSoftmax = normalization("LogSoftmax");

/** The index of the largest element along an axis (the first of equals), int64, the axis removed. */
export function argMax(x: Value, options: { readonly axis?: number } = {}): Value {
  expectFloat("ArgMax", x);
  const axis = resolveAxis("ArgMax", options.axis ?? -1, x.shape.length);
  return emit("ArgMax", [x], { axis }, { dtype: "int64", shape: x.shape.filter((_, other) => other !== axis) });
}

/** Running totals of whole numbers along an axis: each element plus all before it. */
export function cumSum(x: Value, axis: number): Value {
  if (x.dtype !== "int32" && x.dtype !== "int64") fail("CumSum", [x], "the operand must be int32 or int64");
  return emit("CumSum", [x], { axis: resolveAxis("CumSum", axis, x.shape.length) }, { dtype: x.dtype, shape: x.shape });
}

/** The `k` largest elements along the last axis, in descending order, and their indices (int64). */
export function topK(x: Value, k: number): { values: Value; indices: Value } {
  expectFloat("TopK", x);
  const width = x.shape.at(-1);
  if (width === undefined || (typeof width === "number" && width < k)) {
    fail("TopK", [x], `the last axis must hold at least k = ${k} elements`);
  }
  const shape = [...x.shape.slice(0, -1), k];
  const outputs = ownerOf([x]).append("TopK", [x], { k }, [
    { dtype: x.dtype, shape },
    { dtype: "int64", shape },
  ]);
  return { values: outputs[0]!, indices: outputs[1]! };
}
