/** @file Derivatives of elementwise ops. dY is the cotangent of the output Y. */

import type { Value } from "../../graph/graph.js";
import type { NodeOf } from "../../graph/op-table.js";
import * as g from "../../graph/ops/index.js";
import { type GradientRule, only, sumToShape } from "../rule.js";

type Binary = "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min";
type Unary = "Neg" | "Abs" | "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Sigmoid" | "Tanh" | "Softplus" | "Relu" | "Erf";

/** A rule of two broadcasting operands from the derivative with respect to each. */
function binary<K extends Binary>(
  left: (dY: Value, a: Value, b: Value, y: Value) => Value,
  right: (dY: Value, a: Value, b: Value, y: Value) => Value,
): GradientRule<K> {
  return (node: NodeOf<K>, gradients) => {
    const dY = only(gradients);
    const [a, b] = node.inputs as [Value, Value];
    const y = node.outputs[0]!;
    return [() => sumToShape(left(dY, a, b, y), a.shape), () => sumToShape(right(dY, a, b, y), b.shape)];
  };
}

/** A rule of one operand. */
function unary<K extends Unary>(rule: (dY: Value, x: Value, y: Value) => Value): GradientRule<K> {
  return (node: NodeOf<K>, gradients) => [() => rule(only(gradients), node.inputs[0]!, node.outputs[0]!)];
}

/** The share of dY that an operand gets: all where it is the chosen one, half where both are equal. */
function chosen(dY: Value, isChosen: Value, isTie: Value): Value {
  return g.where(isTie, g.mul(dY, 0.5), g.where(isChosen, dY, 0));
}

export const elementwiseRules = {
  // Y = A + B  ⇒  dA = dY, dB = dY
  Add: binary<"Add">(
    (dY) => dY,
    (dY) => dY,
  ),
  // Y = A − B  ⇒  dA = dY, dB = −dY
  Sub: binary<"Sub">(
    (dY) => dY,
    (dY) => g.neg(dY),
  ),
  // Y = A · B  ⇒  dA = dY · B, dB = dY · A
  Mul: binary<"Mul">(
    (dY, _a, b) => g.mul(dY, b),
    (dY, a) => g.mul(dY, a),
  ),
  // Y = A / B  ⇒  dA = dY / B, dB = −dY · Y / B
  Div: binary<"Div">(
    (dY, _a, b) => g.div(dY, b),
    (dY, _a, b, y) => g.neg(g.div(g.mul(dY, y), b)),
  ),
  // Y = Aᴮ  ⇒  dA = dY · B · Aᴮ⁻¹ (0 where B is 0), dB = dY · Y · log A (0 where A is 0)
  Pow: binary<"Pow">(
    (dY, a, b) => g.mul(dY, g.where(g.equal(b, 0), 0, g.mul(b, g.pow(a, g.sub(b, 1))))),
    (dY, a, _b, y) => g.mul(dY, g.where(g.equal(a, 0), 0, g.mul(y, g.log(a)))),
  ),
  // Y = max(A, B)  ⇒  the larger gets dY; equals share it
  Max: binary<"Max">(
    (dY, a, b) => chosen(dY, g.greater(a, b), g.equal(a, b)),
    (dY, a, b) => chosen(dY, g.less(a, b), g.equal(a, b)),
  ),
  // Y = min(A, B)  ⇒  the smaller gets dY; equals share it
  Min: binary<"Min">(
    (dY, a, b) => chosen(dY, g.less(a, b), g.equal(a, b)),
    (dY, a, b) => chosen(dY, g.greater(a, b), g.equal(a, b)),
  ),
  // Y = C ? A : B  ⇒  dA = C ? dY : 0, dB = C ? 0 : dY
  Where: ((node, gradients) => {
    const dY = only(gradients);
    const [condition, a, b] = node.inputs as [Value, Value, Value];
    return [
      undefined,
      () => sumToShape(g.where(condition, dY, 0), a.shape),
      () => sumToShape(g.where(condition, 0, dY), b.shape),
    ];
  }) satisfies GradientRule<"Where">,
  // Y = −X  ⇒  dX = −dY
  Neg: unary<"Neg">((dY) => g.neg(dY)),
  // Y = |X|  ⇒  dX = dY · sign X (0 at 0)
  Abs: unary<"Abs">((dY, x) => g.mul(dY, g.sign(x))),
  // Y = eˣ  ⇒  dX = dY · Y
  Exp: unary<"Exp">((dY, _x, y) => g.mul(dY, y)),
  // Y = log X  ⇒  dX = dY / X
  Log: unary<"Log">((dY, x) => g.div(dY, x)),
  // Y = √X  ⇒  dX = dY / (2Y)
  Sqrt: unary<"Sqrt">((dY, _x, y) => g.div(g.mul(dY, 0.5), y)),
  // Y = 1 / X  ⇒  dX = −dY · Y²
  Reciprocal: unary<"Reciprocal">((dY, _x, y) => g.neg(g.mul(dY, g.mul(y, y)))),
  // Y = σ(X)  ⇒  dX = dY · Y · (1 − Y)
  Sigmoid: unary<"Sigmoid">((dY, _x, y) => g.mul(dY, g.mul(y, g.sub(1, y)))),
  // Y = tanh X  ⇒  dX = dY · (1 − Y²)
  Tanh: unary<"Tanh">((dY, _x, y) => g.mul(dY, g.sub(1, g.mul(y, y)))),
  // Y = log(1 + eˣ)  ⇒  dX = dY · σ(X)
  Softplus: unary<"Softplus">((dY, x) => g.mul(dY, g.sigmoid(x))),
  // Y = max(X, 0)  ⇒  dX = X > 0 ? dY : 0
  Relu: unary<"Relu">((dY, x) => g.where(g.greater(x, 0), dY, 0)),
  // Y = erf X  ⇒  dX = dY · 2/√π · e^(−X²)
  Erf: unary<"Erf">((dY, x) => g.mul(dY, g.mul(g.exp(g.neg(g.mul(x, x))), 2 / Math.sqrt(Math.PI)))),
  // Y = X  ⇒  dX = dY
  Identity: ((_node, gradients) => [() => only(gradients)]) satisfies GradientRule<"Identity">,
  // Y = X in another type  ⇒  dX = dY in the type of X; whole numbers stop it
  Cast: ((node, gradients) => {
    const [x] = node.inputs as [Value];
    const passes = [x.dtype, node.attributes.to].every((dtype) => dtype === "float32" || dtype === "float64");
    return [passes ? () => g.cast(only(gradients), x.dtype) : undefined];
  }) satisfies GradientRule<"Cast">,
};
