/** @file Matrix products. */

import { broadcastShapes, type Dim, sameDim } from "../dims.js";
import type { Value } from "../graph.js";
import { emit, expectFloat, expectRank, fail } from "./emit.js";

export interface MatMulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Multiplies the product; 1 unless given. */
  readonly alpha?: number;
}

function matrix(value: Value, transposed: boolean): readonly [Dim, Dim] {
  const [rows, columns] = value.shape.slice(-2) as [Dim, Dim];
  return transposed ? [columns, rows] : [rows, columns];
}

/**
 * Matrix product over the last two axes; the axes before them broadcast.
 *
 * @param a - `[…, m, k]`, or `[…, k, m]` with `transposeA`.
 * @param b - `[…, k, n]`, or `[…, n, k]` with `transposeB`.
 * @returns `[…, m, n]`.
 */
export function matMul(a: Value, b: Value, options: MatMulOptions = {}): Value {
  const { transposeA = false, transposeB = false, alpha = 1 } = options;
  expectFloat("MatMul", a);
  if (a.dtype !== b.dtype) fail("MatMul", [a, b], "operands must have one dtype");
  if (a.shape.length < 2 || b.shape.length < 2) fail("MatMul", [a, b], "operands must have at least 2 axes");
  const [m, k] = matrix(a, transposeA);
  const [inner, n] = matrix(b, transposeB);
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!sameDim(k, inner) || !batch) {
    const sizes = `${transposeA ? "transposed " : ""}[…, m, k] and ${transposeB ? "transposed " : ""}[…, k, n]`;
    fail("MatMul", [a, b], `operands must be ${sizes} with one k and batch axes that broadcast`);
  }
  return emit("MatMul", [a, b], { transposeA, transposeB, alpha }, { dtype: a.dtype, shape: [...batch, m, n] });
}

/** `op(a) · op(b) + c` on matrices of two axes. */
export function gemm(a: Value, b: Value, c: Value, options: Omit<MatMulOptions, "alpha"> = {}): Value {
  const { transposeA = false, transposeB = false } = options;
  for (const value of [a, b, c]) expectRank("Gemm", value, 2);
  if (a.dtype !== b.dtype || a.dtype !== c.dtype) fail("Gemm", [a, b, c], "operands must have one dtype");
  const [m, k] = matrix(a, transposeA);
  const [inner, n] = matrix(b, transposeB);
  if (!sameDim(k, inner) || !sameDim(c.shape[0]!, m) || !sameDim(c.shape[1]!, n)) {
    fail("Gemm", [a, b, c], "operands must be [m, k], [k, n] and [m, n]");
  }
  return emit("Gemm", [a, b, c], { transposeA, transposeB }, { dtype: a.dtype, shape: [m, n] });
}
