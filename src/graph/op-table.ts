/** @file Every op of the graph with its typed attributes: adding one here makes the compiler ask for all that an op needs. */

import type { DType } from "./dtype.js";
import type { Graph, Value } from "./graph.js";

type None = Readonly<Record<never, never>>;

interface Axis {
  readonly axis: number;
}

/** Axes to reduce, counted from the front and ascending; reduced axes stay with size 1 when `keepDims`. */
export interface Reduction {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/**
 * Op name → attributes. Names follow ONNX where the op exists there; `RmsNorm`, `RotaryEmbedding`, `StopGradient`,
 * `CustomGradient` and `DimSize` are ours and are lowered to ONNX nodes when a file is written.
 */
export interface OpAttributes {
  // elementwise, broadcasting
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  Pow: None;
  Max: None;
  Min: None;
  Where: None;
  // comparisons and logic: booleans out
  Equal: None;
  Less: None;
  LessOrEqual: None;
  Greater: None;
  And: None;
  Or: None;
  Not: None;
  // elementwise, one operand
  Neg: None;
  Abs: None;
  Sign: None;
  Exp: None;
  Log: None;
  Sqrt: None;
  Reciprocal: None;
  Sigmoid: None;
  Tanh: None;
  Softplus: None;
  Relu: None;
  Erf: None;
  Identity: None;
  Cast: { readonly to: DType };
  // products
  /** `alpha · op(A) · op(B)` over the last two axes, batch axes broadcast. */
  MatMul: { readonly transposeA: boolean; readonly transposeB: boolean; readonly alpha: number };
  /** `op(A) · op(B) + C` on matrices: accumulates over chunks without a second pass. */
  Gemm: { readonly transposeA: boolean; readonly transposeB: boolean };
  /** A times int8 weights times their scales, with A rounded to 8 bits by one scale. Operands: A, weights, scales. */
  DynamicQuantizeMatMul: None;
  /** A times the transpose of weights in blocks of 32 with a scale each. Operands: A, weights, scales. */
  MatMulNBits: { readonly bits: 4 | 8 };
  /** Rows of a table that is kept in blocks of 32 with a scale each. Operands: table, scales, indices. */
  GatherBlockQuantized: { readonly bits: 4 | 8 };
  // reductions
  ReduceSum: Reduction;
  ReduceMean: Reduction;
  ReduceMax: Reduction;
  ReduceLogSumExp: Reduction;
  ArgMax: Axis;
  CumSum: Axis;
  TopK: { readonly k: number };
  Softmax: Axis;
  LogSoftmax: Axis;
  // layout
  Reshape: None;
  Transpose: { readonly permutation: readonly number[] };
  Expand: None;
  Concat: Axis;
  /** Pieces of an axis one after the other; their sizes are those of the outputs. */
  Split: Axis;
  Slice: { readonly axis: number; readonly start: number; readonly end: number };
  Pad: { readonly axis: number; readonly before: number; readonly after: number };
  /** The size of one axis as an int64 vector of length 1. */
  DimSize: Axis;
  // indexing
  Gather: Axis;
  GatherElements: Axis;
  /** Zeros of `inputs[0]`'s shape plus `updates` at `indices` along the axis, duplicates added. */
  ScatterElementsAdd: Axis;
  /** A table plus one row `updates[i]` at each row id `indices[i]`, duplicates added. */
  ScatterRowsAdd: None;
  // layers
  /** Outputs: normalized · weight, and 1 / rms per row. */
  RmsNorm: { readonly epsilon: number };
  /** Rotates the halves of the last axis by the angles of each position. Operands: x, cosine, sine, positions. */
  RotaryEmbedding: None;
  // control
  StopGradient: None;
  /** Identity on input 0; the gradients of inputs 1… come from a function instead of from the nodes behind input 0. */
  CustomGradient: { readonly gradient: (cotangent: Value) => readonly (Value | (() => Value) | undefined)[] };
  /** ONNX Loop: a trip count, then carried values; the body scans out the rest. */
  Loop: LoopAttributes;
}

export interface LoopAttributes {
  readonly body: Graph;
  /** The body's iteration number (int64 scalar) and carried values, in this order, among the body's inputs. */
  readonly bodyInputs: readonly Value[];
  /** What the body computes: new carried values, then scanned values. */
  readonly bodyOutputs: readonly Value[];
  readonly carriedCount: number;
}

export type OpName = keyof OpAttributes;

export interface NodeOf<K extends OpName> {
  readonly op: K;
  readonly name: string;
  readonly scope: string;
  readonly graph: Graph;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: OpAttributes[K];
}
