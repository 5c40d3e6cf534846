/** @file From ONNX nodes to ops of our graph: the counterpart of lower.ts. */

import { resolveAxis } from "../dims.js";
import type { Value } from "../graph.js";
import * as g from "../ops/index.js";
import type { NodeReader } from "./node-reader.js";
import { contribDomain } from "./proto.js";
import * as layout from "./raise-layout.js";
import { type Raise, wholeNumbers, withContents } from "./raise-layout.js";
import { dynamicQuantizeMatMul, gatherBlockQuantized, matMulNBits } from "./raise-quantized.js";
import { readDType } from "./read-tensor.js";

const unary =
  (op: (x: Value) => Value): Raise =>
  (node) =>
    op(node.input(0));

const binary =
  (op: (a: Value, b: Value) => Value): Raise =>
  (node) =>
    op(node.input(0), node.input(1));

/** Any number of operands, taken together from the left. */
const variadic =
  (op: (a: Value, b: Value) => Value): Raise =>
  (node) =>
    node.inputs.map((_, i) => node.input(i)).reduce(op);

const reduction =
  (op: typeof g.reduceSum): Raise =>
  (node) => {
    const axes = node.ints("axes") ?? node.numbers(1);
    const keepDims = node.int("keepdims", 1) !== 0;
    if (axes?.length === 0 && node.flag("noop_with_empty_axes")) return node.input(0);
    return op(node.input(0), axes?.length ? { axes, keepDims } : { keepDims });
  };

const normalization =
  (op: typeof g.softmax): Raise =>
  (node) =>
    op(node.input(0), { axis: node.int("axis", -1) });

const gemm: Raise = (node) => {
  const options = { transposeA: node.flag("transA"), transposeB: node.flag("transB") };
  const [alpha, beta] = [node.float("alpha", 1), node.float("beta", 1)];
  const [a, b, c] = [node.input(0), node.input(1), node.inputs[2]];
  if (!c) return g.matMul(a, b, { ...options, alpha });
  if (alpha === 1 && beta === 1 && c.shape.length === 2 && !c.shape.includes(1)) return g.gemm(a, b, c, options);
  return g.add(g.matMul(a, b, { ...options, alpha }), beta === 1 ? c : g.mul(c, beta));
};

const fusedMatMul: Raise = (node) => {
  const options = { transposeA: node.flag("transA"), transposeB: node.flag("transB"), alpha: node.float("alpha", 1) };
  node.require(!node.flag("transBatchA") && !node.flag("transBatchB"), "batch axes must not be transposed");
  return g.matMul(node.input(0), node.input(1), options);
};

const argMax: Raise = (node) => {
  const x = node.input(0);
  const axis = resolveAxis("ArgMax", node.int("axis", 0), x.shape.length);
  node.require(!node.flag("select_last_index"), "the first of equals must be chosen");
  const index = g.argMax(x, { axis });
  return node.int("keepdims", 1) === 0 ? index : g.reshape(index, x.shape.with(axis, 1));
};

const cumSum: Raise = (node) => {
  node.require(!node.flag("exclusive") && !node.flag("reverse"), "totals must run forward, each with its own element");
  return g.cumSum(node.input(0), node.numbers(1)![0]!);
};

const topK: Raise = (node) => {
  const x = node.input(0);
  node.require([-1, x.shape.length - 1].includes(node.int("axis", -1)), "the axis must be the last");
  node.require(node.int("largest", 1) === 1 && node.int("sorted", 1) === 1, "the largest must be asked for, sorted");
  const { values, indices } = g.topK(x, node.numbers(1)![0]!);
  return [values, indices];
};

const scatterElements: Raise = (node) => {
  node.require(node.text("reduction", "none") === "add", 'the reduction must be "add"');
  return g.scatterElementsAdd(node.input(0), node.input(1), node.input(2), { axis: node.int("axis", 0) });
};

const scatterNd: Raise = (node) => {
  node.require(node.text("reduction", "none") === "add", 'the reduction must be "add"');
  const indices = node.input(1);
  node.require(indices.shape.length === 2 && indices.shape[1] === 1, "indices must be a column of row ids");
  return g.scatterRowsAdd(node.input(0), g.reshape(indices, [indices.shape[0]!]), node.input(2));
};

const rmsNorm: Raise = (node) => {
  const x = node.input(0);
  node.require([-1, x.shape.length - 1].includes(node.int("axis", -1)), "the axis must be the last");
  node.require(node.int("stash_type", 1) === 1, "stash_type must be 1");
  const normalized = g.rmsNorm(x, node.input(1), node.float("epsilon", 1e-5));
  return normalized.producer!.outputs;
};

const rotaryEmbedding: Raise = (node) => {
  node.require(!node.flag("interleaved"), "halves must be rotated, not neighbours");
  return g.rotaryEmbedding(node.input(0), node.input(2), node.input(3), node.input(1));
};

const loop: Raise = (node) => {
  const proto = node.body("body");
  node.require(node.inputs[1] === undefined, "it must run a given number of times, without a condition");
  const [trips, initial] = [node.input(0), node.inputs.slice(2).map((_, i) => node.input(i + 2))];
  const tripDim = node.context.contents.get(trips)?.[0] ?? `${node.name}/trips`;
  const { carried, scanned } = g.loop(trips, tripDim, initial, (graph, iteration, values) => {
    const condition = graph.constant("bool", [], Uint8Array.of(1), "condition");
    const [goesOn, ...outputs] = node.context.readBody(proto, graph, [iteration, condition, ...values]);
    node.require(goesOn === condition, "its body must not decide when to stop");
    return { carried: outputs.slice(0, initial.length), scanned: outputs.slice(initial.length) };
  });
  return [...carried, ...scanned];
};

const constant: Raise = (node) => {
  const { dtype, dims, data } = node.tensor("value");
  const value = node.context.graph.constant(dtype, dims, data, node.name);
  return withContents(node, value, wholeNumbers(dtype, data));
};

const elementwise = {
  Add: variadic(g.add),
  Sub: binary(g.sub),
  Mul: layout.mul,
  Div: binary(g.div),
  Pow: binary(g.pow),
  Max: variadic(g.max),
  Min: variadic(g.min),
  Where: (node) => g.where(node.input(0), node.input(1), node.input(2)),
  Equal: binary(g.equal),
  Less: binary(g.less),
  LessOrEqual: binary(g.lessOrEqual),
  Greater: binary(g.greater),
  And: binary(g.and),
  Or: binary(g.or),
  Not: unary(g.not),
  Neg: unary(g.neg),
  Abs: unary(g.abs),
  Sign: unary(g.sign),
  Exp: unary(g.exp),
  Log: unary(g.log),
  Sqrt: unary(g.sqrt),
  Reciprocal: unary(g.reciprocal),
  Sigmoid: unary(g.sigmoid),
  Tanh: unary(g.tanh),
  Softplus: unary(g.softplus),
  Relu: unary(g.relu),
  Erf: unary(g.erf),
  Identity: unary((x) => x),
  Cast: (node) => {
    const to = readDType(node.int("to", 0), `the result of node "${node.name}"`);
    return withContents(node, g.cast(node.input(0), to), layout.contentsOf(node, 0));
  },
} satisfies Readonly<Record<string, Raise>>;

/** Readers by op, with the domain before it where it is not the standard one. */
export const raisers: ReadonlyMap<string, Raise> = new Map<string, Raise>(
  Object.entries({
    ...elementwise,
    Constant: constant,
    MatMul: binary((a, b) => g.matMul(a, b)),
    Gemm: gemm,
    ReduceSum: reduction(g.reduceSum),
    ReduceMean: reduction(g.reduceMean),
    ReduceMax: reduction(g.reduceMax),
    ReduceLogSumExp: reduction(g.reduceLogSumExp),
    ArgMax: argMax,
    CumSum: cumSum,
    TopK: topK,
    Softmax: normalization(g.softmax),
    LogSoftmax: normalization(g.logSoftmax),
    Reshape: layout.reshape,
    Unsqueeze: layout.unsqueeze,
    Transpose: (node: NodeReader) => {
      const x = node.input(0);
      return g.transpose(x, node.ints("perm") ?? x.shape.map((_, axis) => x.shape.length - 1 - axis));
    },
    Expand: layout.expand,
    Concat: layout.concat,
    Slice: layout.slice,
    Split: layout.split,
    Pad: layout.pad,
    Shape: layout.shape,
    Gather: layout.gather,
    GatherElements: (node: NodeReader) => g.gatherElements(node.input(0), node.input(1), { axis: node.int("axis", 0) }),
    ScatterElements: scatterElements,
    ScatterND: scatterNd,
    SimplifiedLayerNormalization: rmsNorm,
    Loop: loop,
    [`${contribDomain}.FusedMatMul`]: fusedMatMul,
    [`${contribDomain}.RotaryEmbedding`]: rotaryEmbedding,
    [`${contribDomain}.DynamicQuantizeMatMul`]: dynamicQuantizeMatMul,
    [`${contribDomain}.MatMulNBits`]: matMulNBits,
    [`${contribDomain}.GatherBlockQuantized`]: gatherBlockQuantized,
  }),
);
