/** @file Ops that compute one element from the elements at the same place; two operands broadcast as in numpy. */

import type { DType } from "../dtype.js";
import type { Value } from "../graph.js";
import { broadcast, emit, expectDType, expectFloat, type Operand, resolve } from "./emit.js";

type Arithmetic = "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min";
type Comparison = "Equal" | "Less" | "LessOrEqual" | "Greater";
type Unary =
  | "Neg"
  | "Abs"
  | "Sign"
  | "Exp"
  | "Log"
  | "Sqrt"
  | "Reciprocal"
  | "Sigmoid"
  | "Tanh"
  | "Softplus"
  | "Relu"
  | "Erf";

function arithmetic(op: Arithmetic) {
  return (left: Operand, right: Operand): Value => {
    const values = resolve(op, left, right);
    return emit(op, values, {}, { dtype: values[0]!.dtype, shape: broadcast(op, values) });
  };
}

function comparison(op: Comparison) {
  return (left: Operand, right: Operand): Value => {
    const values = resolve(op, left, right);
    return emit(op, values, {}, { dtype: "bool", shape: broadcast(op, values) });
  };
}

function logic(op: "And" | "Or") {
  return (left: Value, right: Value): Value => {
    expectDType(op, left, "bool");
    expectDType(op, right, "bool");
    return emit(op, [left, right], {}, { dtype: "bool", shape: broadcast(op, [left, right]) });
  };
}

function unary(op: Unary) {
  return (x: Value): Value => {
    expectFloat(op, x);
    return emit(op, [x], {}, { dtype: x.dtype, shape: x.shape });
  };
}

export const add = arithmetic("Add");
export const sub = arithmetic("Sub");
export const mul = arithmetic("Mul");
export const div = arithmetic("Div");
export const pow = arithmetic("Pow");
export const max = arithmetic("Max");
export const min = arithmetic("Min");

export const equal = comparison("Equal");
export const less = comparison("Less");
export const lessOrEqual = comparison("LessOrEqual");
export const greater = comparison("Greater");

export const and = logic("And");
export const or = logic("Or");

export const neg = unary("Neg");
export const abs = unary("Abs");
export const sign = unary("Sign");
export const exp = unary("Exp");
/** Natural logarithm. */
export const log = unary("Log");
export const sqrt = unary("Sqrt");
export const reciprocal = unary("Reciprocal");
export const sigmoid = unary("Sigmoid");
export const tanh = unary("Tanh");
export const softplus = unary("Softplus");
export const relu = unary("Relu");
export const erf = unary("Erf");

export function not(x: Value): Value {
  expectDType("Not", x, "bool");
  return emit("Not", [x], {}, { dtype: "bool", shape: x.shape });
}

export function identity(x: Value): Value {
  return emit("Identity", [x], {}, { dtype: x.dtype, shape: x.shape });
}

/** x · sigmoid(x). */
export function silu(x: Value): Value {
  return mul(x, sigmoid(x));
}

/**
 * x · Φ(x) with Φ(x) = ½ (1 + erf(x/√2)), exactly and not by its tanh approximation.
 *
 * @see Hendrycks & Gimpel 2016, "Gaussian Error Linear Units" (arXiv:1606.08415), §2.
 */
export function gelu(x: Value): Value {
  return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
}

export function cast(x: Value, to: DType): Value {
  return x.dtype === to ? x : emit("Cast", [x], { to }, { dtype: to, shape: x.shape });
}

/** `whenTrue` where the condition holds, `whenFalse` elsewhere; the branch not taken gets no gradient. */
export function where(condition: Value, whenTrue: Operand, whenFalse: Operand): Value {
  expectDType("Where", condition, "bool");
  const [left, right] = resolve("Where", whenTrue, whenFalse) as [Value, Value];
  const shape = broadcast("Where", [condition, left, right]);
  return emit("Where", [condition, left, right], {}, { dtype: left.dtype, shape });
}
