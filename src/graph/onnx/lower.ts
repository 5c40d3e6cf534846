/** @file From a node of our graph to ONNX nodes: one entry per op, fused kernels where the target has them. */

import { internalError } from "../../errors.js";
import { type Dim, factorOf, type Shape, sameDim, symbolsOf } from "../dims.js";
import type { DType } from "../dtype.js";
import type { Node, Value } from "../graph.js";
import type { NodeOf, OpName } from "../op-table.js";
import { dynamicQuantizeMatMul, gatherBlockQuantized, matMulNBits } from "./lower-quantized.js";
import type { AttributeInput } from "./proto.js";
import { contribDomain, dataTypes } from "./proto.js";

/**
 * Where the file will run. `engine`: ONNX Runtime, whose fused kernels are used where they exist for the dtype.
 * `standard`: any runtime, standard ops only.
 */
export type OnnxTarget = "engine" | "standard";

/** What lowering an op may do: add ONNX nodes and small constants, and look up names. */
export interface Emitter {
  readonly target: OnnxTarget;
  /** The ONNX name of a value. */
  nameOf(value: Value): string;
  /** Declares that `value` is the same tensor as `source`. */
  alias(value: Value, source: Value): void;
  /** Adds an ONNX node with the given outputs; returns the first one's name. */
  node(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeInput>>,
    domain?: string,
  ): string;
  /** A name that is not in use, made from the node's. */
  fresh(suffix: string): string;
  int64(values: readonly number[]): string;
  scalar(dtype: DType, value: number): string;
  /** The size of a symbol as an int64 vector of length 1. */
  symbolSize(symbol: string): string;
  /** The ONNX graph of a loop body. */
  body(node: NodeOf<"Loop">): AttributeInput;
}

type Lowering<K extends OpName> = (node: NodeOf<K>, emitter: Emitter) => void;

/** ONNX op of the same name, operands and attributes. */
function direct<K extends OpName>(
  attributes: (node: NodeOf<K>) => Record<string, AttributeInput> = () => ({}),
): Lowering<K> {
  return (node, emitter) => {
    emitter.node(node.op, names(node, emitter), outputNames(node), attributes(node));
  };
}

function names(node: Pick<Node, "inputs">, emitter: Emitter): string[] {
  return node.inputs.map((value) => emitter.nameOf(value));
}

function outputNames(node: Pick<Node, "outputs">): string[] {
  return node.outputs.map(({ name }) => name);
}

function alias(node: Pick<Node, "inputs" | "outputs">, emitter: Emitter): void {
  emitter.alias(node.outputs[0]!, node.inputs[0]!);
}

const reduction: Lowering<"ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceLogSumExp"> = (node, emitter) => {
  const { axes, keepDims } = node.attributes;
  const inputs = [...names(node, emitter), emitter.int64(axes)];
  emitter.node(node.op, inputs, outputNames(node), { keepdims: keepDims ? 1 : 0 });
};

const axisAttribute = <K extends OpName>(node: NodeOf<K> & { attributes: { readonly axis: number } }) => ({
  axis: node.attributes.axis,
});

/** A shape as an int64 vector computed when the graph runs. */
function shapeVector(shape: Shape, emitter: Emitter): string {
  if (shape.every((dim) => typeof dim === "number")) return emitter.int64(shape);
  const parts = shape.map((dim) => dimVector(dim, emitter));
  return emitter.node("Concat", parts, [emitter.fresh("shape")], { axis: 0 });
}

function dimVector(dim: Dim, emitter: Emitter): string {
  if (typeof dim === "number") return emitter.int64([dim]);
  const sizes = symbolsOf(dim).map((symbol) => emitter.symbolSize(symbol));
  if (factorOf(dim) !== 1) sizes.push(emitter.int64([factorOf(dim)]));
  return sizes.reduce((product, size) => emitter.node("Mul", [product, size], [emitter.fresh("size")]));
}

/** 0 where a symbolic axis stays in place, −1 for the only other one; computed sizes, which may be 0 themselves, for more. */
const reshape: Lowering<"Reshape"> = (node, emitter) => {
  const [from, to] = [node.inputs[0]!.shape, node.outputs[0]!.shape];
  const sizes = to.map((dim, axis) => (typeof dim === "number" ? dim : sameDim(dim, from[axis] ?? 0) ? 0 : -1));
  const inferred = sizes.filter((size) => size === -1).length;
  const isKnown = inferred <= 1 && !to.includes(0);
  const target = isKnown ? emitter.int64(sizes) : shapeVector(to, emitter);
  emitter.node("Reshape", [...names(node, emitter), target], outputNames(node), isKnown ? {} : { allowzero: 1 });
};

const matMul: Lowering<"MatMul"> = (node, emitter) => {
  const { transposeA, transposeB, alpha } = node.attributes;
  const [a, b] = node.inputs as [Value, Value];
  const inputs = names(node, emitter);
  const isPlain = !transposeA && !transposeB && alpha === 1;
  if (isPlain) {
    emitter.node("MatMul", inputs, outputNames(node));
  } else if (emitter.target === "engine" && a.dtype === "float32") {
    const attributes = { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: alpha } };
    emitter.node("FusedMatMul", inputs, outputNames(node), attributes, contribDomain);
  } else if (a.shape.length === 2 && b.shape.length === 2 && (alpha === 1 || a.dtype === "float32")) {
    // Gemm keeps alpha as a float32: too coarse for float64.
    const attributes = { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: alpha } };
    emitter.node("Gemm", inputs, outputNames(node), attributes);
  } else {
    const swap = (name: string, rank: number) => {
      const perm = Array.from({ length: rank }, (_, axis) => axis);
      perm.push(...perm.splice(-2).reverse());
      return emitter.node("Transpose", [name], [emitter.fresh("transposed")], { perm });
    };
    const left = transposeA ? swap(inputs[0]!, a.shape.length) : inputs[0]!;
    const right = transposeB ? swap(inputs[1]!, b.shape.length) : inputs[1]!;
    if (alpha === 1) {
      emitter.node("MatMul", [left, right], outputNames(node));
    } else {
      const product = emitter.node("MatMul", [left, right], [emitter.fresh("product")]);
      emitter.node("Mul", [product, emitter.scalar(a.dtype, alpha)], outputNames(node));
    }
  }
};

const rmsNorm: Lowering<"RmsNorm"> = (node, emitter) => {
  const [x, weight] = names(node, emitter) as [string, string];
  const { epsilon } = node.attributes;
  const dtype = node.inputs[0]!.dtype;
  if (emitter.target === "engine" && dtype === "float32") {
    const attributes = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
    emitter.node("SimplifiedLayerNormalization", [x, weight], outputNames(node), attributes);
    return;
  }
  const [normalized, inverse] = outputNames(node) as [string, string];
  const step = (opType: string, inputs: readonly string[], suffix: string, attributes = {}) =>
    emitter.node(opType, inputs, [emitter.fresh(suffix)], attributes);
  const square = step("Mul", [x, x], "square");
  const mean = step("ReduceMean", [square, emitter.int64([-1])], "mean", { keepdims: 1 });
  const root = step("Sqrt", [step("Add", [mean, emitter.scalar(dtype, epsilon)], "shifted")], "root");
  emitter.node("Reciprocal", [root], [inverse]);
  emitter.node("Mul", [step("Mul", [x, inverse], "scaled"), weight], [normalized]);
};

const rotary: Lowering<"RotaryEmbedding"> = (node, emitter) => {
  const [x, cosine, sine, positions] = names(node, emitter) as [string, string, string, string];
  if (emitter.target === "engine" && node.inputs[0]!.dtype === "float32") {
    emitter.node("RotaryEmbedding", [x, positions, cosine, sine], outputNames(node), {}, contribDomain);
    return;
  }
  const step = (opType: string, inputs: readonly string[], suffix: string, attributes = {}) =>
    emitter.node(opType, inputs, [emitter.fresh(suffix)], attributes);
  const angles = (table: string) =>
    step("Unsqueeze", [step("Gather", [table, positions], "angles"), emitter.int64([1])], "angles");
  const [cos, sin] = [angles(cosine), angles(sine)];
  const halves = [emitter.fresh("first"), emitter.fresh("second")] as const;
  emitter.node("Split", [x], halves, { axis: 3, num_outputs: 2 });
  const [first, second] = halves;
  const real = step("Sub", [step("Mul", [first, cos], "part"), step("Mul", [second, sin], "part")], "real");
  const imaginary = step("Add", [step("Mul", [second, cos], "part"), step("Mul", [first, sin], "part")], "imaginary");
  emitter.node("Concat", [real, imaginary], outputNames(node), { axis: 3 });
};

/** max(x, 0) + log(1 + exp(−|x|)): the engine has no float64 kernel for Softplus. */
const softplus: Lowering<"Softplus"> = (node, emitter) => {
  const [x] = names(node, emitter) as [string];
  const { dtype } = node.inputs[0]!;
  if (dtype === "float32") {
    emitter.node("Softplus", [x], outputNames(node));
    return;
  }
  const step = (opType: string, inputs: readonly string[]) =>
    emitter.node(opType, inputs, [emitter.fresh(opType.toLowerCase())]);
  const tail = step("Log", [step("Add", [step("Exp", [step("Neg", [step("Abs", [x])])]), emitter.scalar(dtype, 1)])]);
  emitter.node("Add", [step("Relu", [x]), tail], outputNames(node));
};

export const lowerings: { readonly [K in OpName]: Lowering<K> } = {
  Add: direct(),
  Sub: direct(),
  Mul: direct(),
  Div: direct(),
  Pow: direct(),
  Max: direct(),
  Min: direct(),
  Where: direct(),
  Equal: direct(),
  Less: direct(),
  LessOrEqual: direct(),
  Greater: direct(),
  And: direct(),
  Or: direct(),
  Not: direct(),
  Neg: direct(),
  Abs: direct(),
  Sign: direct(),
  Exp: direct(),
  Log: direct(),
  Sqrt: direct(),
  Reciprocal: direct(),
  Sigmoid: direct(),
  Tanh: direct(),
  Softplus: softplus,
  Relu: direct(),
  Erf: direct(),
  Identity: alias,
  StopGradient: alias,
  CustomGradient: alias,
  Cast: (node, emitter) => {
    emitter.node("Cast", names(node, emitter), outputNames(node), { to: dataTypes[node.attributes.to] });
  },
  MatMul: matMul,
  Gemm: direct(({ attributes: { transposeA, transposeB } }) => ({
    transA: Number(transposeA),
    transB: Number(transposeB),
  })),
  DynamicQuantizeMatMul: dynamicQuantizeMatMul,
  MatMulNBits: matMulNBits,
  GatherBlockQuantized: gatherBlockQuantized,
  ReduceSum: reduction,
  ReduceMean: reduction,
  ReduceMax: reduction,
  ReduceLogSumExp: reduction,
  ArgMax: direct((node) => ({ axis: node.attributes.axis, keepdims: 0 })),
  CumSum: (node, emitter) => {
    emitter.node("CumSum", [...names(node, emitter), emitter.scalar("int64", node.attributes.axis)], outputNames(node));
  },
  TopK: (node, emitter) => {
    emitter.node("TopK", [...names(node, emitter), emitter.int64([node.attributes.k])], outputNames(node));
  },
  Softmax: direct(axisAttribute),
  LogSoftmax: direct(axisAttribute),
  Reshape: reshape,
  Transpose: direct((node) => ({ perm: node.attributes.permutation })),
  Expand: (node, emitter) => {
    const target = shapeVector(node.outputs[0]!.shape, emitter);
    emitter.node("Expand", [...names(node, emitter), target], outputNames(node));
  },
  Concat: direct(axisAttribute),
  Split: (node, emitter) => {
    const { axis } = node.attributes;
    const sizes = shapeVector(
      node.outputs.map(({ shape }) => shape[axis]!),
      emitter,
    );
    emitter.node("Split", [...names(node, emitter), sizes], outputNames(node), { axis });
  },
  Slice: (node, emitter) => {
    const { axis, start, end } = node.attributes;
    const bounds = [[start], [end], [axis]].map((values) => emitter.int64(values));
    emitter.node("Slice", [...names(node, emitter), ...bounds], outputNames(node));
  },
  Pad: (node, emitter) => {
    const { axis, before, after } = node.attributes;
    const rank = node.inputs[0]!.shape.length;
    const pads = Array.from({ length: 2 * rank }, (_, i) => (i === axis ? before : i === rank + axis ? after : 0));
    emitter.node("Pad", [...names(node, emitter), emitter.int64(pads)], outputNames(node));
  },
  DimSize: (node, emitter) => {
    const { axis } = node.attributes;
    emitter.node("Shape", names(node, emitter), outputNames(node), { start: axis, end: axis + 1 });
  },
  Gather: direct(axisAttribute),
  GatherElements: direct(axisAttribute),
  ScatterElementsAdd: (node, emitter) => {
    const attributes = { axis: node.attributes.axis, reduction: "add" };
    emitter.node("ScatterElements", names(node, emitter), outputNames(node), attributes);
  },
  ScatterRowsAdd: (node, emitter) => {
    const [table, ids, updates] = names(node, emitter) as [string, string, string];
    // Not ScatterND: the engine shares its rows out over threads, and loses sums where ids are repeated.
    const column = emitter.node("Unsqueeze", [ids, emitter.int64([-1])], [emitter.fresh("column")]);
    const target = shapeVector(node.inputs[2]!.shape, emitter);
    const indices = emitter.node("Expand", [column, target], [emitter.fresh("indices")]);
    emitter.node("ScatterElements", [table, indices, updates], outputNames(node), { axis: 0, reduction: "add" });
  },
  RmsNorm: rmsNorm,
  RotaryEmbedding: rotary,
  Loop: (node, emitter) => {
    const [trips, ...carried] = names(node, emitter) as [string, ...string[]];
    emitter.node("Loop", [trips, "", ...carried], outputNames(node), { body: emitter.body(node) });
  },
};

/** Adds the ONNX nodes of one node. */
export function lowerNode(node: Node, emitter: Emitter): void {
  const lowering = lowerings[node.op] as Lowering<OpName> | undefined;
  if (!lowering) throw internalError(`no ONNX form for op "${node.op}"`);
  lowering(node as NodeOf<OpName>, emitter);
}
