/** @file Derivative checks of elementwise ops. */

import * as g from "../../../src/graph/ops/index.js";
import {
  booleans,
  broadcastPairs,
  type Domain,
  draw,
  type GradientCase,
  type Inputs,
  numbers,
} from "./gradient-case.js";

type Binary = (a: g.Operand, b: g.Operand) => ReturnType<typeof g.add>;

/** The broadcasting grid, a number on either side, symbolic sizes, and a value used as both operands. */
function binary(op: Binary, domain: { readonly a?: Domain; readonly b?: Domain } = {}): GradientCase[] {
  const build = ({ a, b }: Inputs) => op(a, b);
  const distinct = domain.a === "distinct";
  return [
    ...broadcastPairs.map(([name, left, right]) => ({
      name,
      // Steps of 0.1 against steps of 0.1 could tie: the right side is moved by half of one.
      feeds: { a: draw(left, domain.a), b: distinct ? moved(draw(right, domain.b), 0.05) : draw(right, domain.b) },
      build,
    })),
    {
      name: "symbolic sizes",
      feeds: { a: draw([2, 3], domain.a), b: distinct ? moved(draw([3], domain.b), 0.05) : draw([3], domain.b) },
      shapes: { a: ["rows", "width"], b: ["width"] },
      build,
    },
    { name: "a number on the right", feeds: { a: draw([2, 3], domain.a) }, build: ({ a }: Inputs) => op(a, 1.27) },
    { name: "a number on the left", feeds: { b: draw([2, 3], domain.b) }, build: ({ b }: Inputs) => op(1.27, b) },
  ];
}

function moved(tensor: ReturnType<typeof draw>, by: number): ReturnType<typeof draw> {
  return { ...tensor, data: (tensor.data as Float64Array).map((value) => value + by) };
}

type Unary = (x: ReturnType<typeof g.exp>) => ReturnType<typeof g.exp>;

/** A tensor from the domain with symbolic sizes, and named special values. */
function unary(op: Unary, domain: Domain, special: Readonly<Record<string, readonly number[]>> = {}): GradientCase[] {
  const build = ({ x }: Inputs) => op(x);
  return [
    { name: `${domain} values`, feeds: { x: draw([2, 3], domain) }, shapes: { x: ["rows", 3] }, build },
    { name: "a scalar", feeds: { x: draw([], domain) }, build },
    ...Object.entries(special).map(([name, values]) => ({ name, feeds: { x: numbers(...values) }, build })),
  ];
}

export const elementwiseCases = {
  Add: [
    ...binary(g.add),
    { name: "one value on both sides", feeds: { x: draw([3]) }, build: ({ x }: Inputs) => g.add(x, x) },
  ],
  Sub: binary(g.sub),
  Mul: [
    ...binary(g.mul),
    { name: "one value on both sides", feeds: { x: draw([3]) }, build: ({ x }: Inputs) => g.mul(x, x) },
    { name: "zeros", feeds: { a: numbers(0, 0, 3), b: numbers(0, 2, 0) }, build: ({ a, b }: Inputs) => g.mul(a, b) },
  ],
  Div: [
    ...binary(g.div, { b: "nonzero" }),
    {
      name: "a numerator of 0",
      feeds: { a: numbers(0, 0), b: numbers(2, -3) },
      build: ({ a, b }: Inputs) => g.div(a, b),
    },
  ],
  Pow: [
    ...binary(g.pow, { a: "positive" }),
    {
      name: "an exponent of 0",
      feeds: { a: numbers(0.5, 2), b: numbers(0, 0) },
      build: ({ a, b }: Inputs) => g.pow(a, b),
    },
    {
      name: "whole powers of negative numbers",
      feeds: { x: numbers(-2, -0.5, 0, 3) },
      build: ({ x }: Inputs) => g.pow(x, 3),
    },
  ],
  Max: binary(g.max, { a: "distinct", b: "distinct" }),
  Min: binary(g.min, { a: "distinct", b: "distinct" }),
  Where: [
    ...broadcastPairs.map(([name, left, right]) => ({
      name,
      feeds: {
        condition: left.length === 4 ? booleans([2, 1], [1, 0]) : booleans([3, 1], [1, 0, 1]),
        a: draw(left),
        b: draw(right),
      },
      build: ({ condition, a, b }: Inputs) => g.where(condition!, a, b),
    })),
    {
      name: "a number on either side",
      feeds: { condition: booleans([2], [1, 0]), x: draw([2]) },
      build: ({ condition, x }: Inputs) => [g.where(condition!, x, 0), g.where(condition!, 1, x)],
    },
  ],
  Neg: unary(g.neg, "any"),
  Abs: unary(g.abs, "nonzero", { "large values": [-1e3, 1e3] }),
  Exp: unary(g.exp, "any", { "large values": [-800, -30, 30] }),
  Log: unary(g.log, "positive", { "small and large values": [1e-2, 1e3] }),
  Sqrt: unary(g.sqrt, "positive", { "small and large values": [1e-2, 1e3] }),
  Reciprocal: unary(g.reciprocal, "nonzero", { "large values": [-1e3, 1e3] }),
  Sigmoid: unary(g.sigmoid, "any", { "0 and large values": [0, -1000, -20, 20, 1000] }),
  Tanh: unary(g.tanh, "any", { "0 and large values": [0, -1000, -10, 10, 1000] }),
  Softplus: unary(g.softplus, "any", { "0 and large values": [0, -1000, -20, 20, 1000] }),
  Relu: unary(g.relu, "nonzero", { "large values": [-1e3, 1e3] }),
  Erf: [
    {
      name: "against 2/√π · e^(−x²)",
      feeds: { x: numbers(-6, -2, -0.5, -1e-3, 0, 0.1, 0.7, 1.5, 3, 6) },
      build: ({ x }: Inputs) => g.erf(x),
      derivative: (x: number) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
    },
  ],
  Identity: unary(g.identity, "any"),
  Cast: [
    {
      name: "to float64 and back: the gradient passes",
      feeds: { x: numbers(-2, 0, 3) },
      build: ({ x }: Inputs) => g.cast(g.mul(g.cast(x, "float64"), 3), "float32"),
      derivative: () => 3,
    },
    {
      name: "to int32 and back: the gradient stops",
      feeds: { x: numbers(-2.5, 0.5, 3) },
      build: ({ x }: Inputs) => g.add(x, g.cast(g.cast(x, "int32"), "float32")),
      derivative: () => 1,
    },
  ],
} satisfies Readonly<Record<string, readonly GradientCase[]>>;
