/** @file The engine multiplies quantized weights as what they stand for, in both ONNX forms, written and read back. */

import { afterAll, describe, expect, it } from "vitest";
import { numbersOf, runGraph } from "../../../test/support/run-graph.js";
import { gradients } from "../../autodiff/gradients.js";
import { UnsupportedError } from "../../errors.js";
import { Graph, type Value } from "../../graph/graph.js";
import type { OnnxTarget } from "../../graph/onnx/lower.js";
import { readOnnx } from "../../graph/onnx/read.js";
import { encodeOnnx, toOnnx } from "../../graph/onnx/write.js";
import * as g from "../../graph/ops/index.js";
import { type Feeds, liveProgramsForTests } from "../../runtime/executor.js";
import { float32Tensor, type HostTensor } from "../../runtime/tensor.js";
import { type BlockBits, dequantizeBlocks, quantizeBlocks } from "./blocks.js";
import { dequantizeInt8, quantizeInt8 } from "./int8-columns.js";
import { findInt8Range } from "./int8-range.js";

afterAll(() => expect(liveProgramsForTests()).toBe(0));

const [rows, inputs, outputs] = [3, 40, 5];
const weight = Float32Array.from({ length: outputs * inputs }, (_, i) => Math.sin(i * i + 1));
const x = Float32Array.from({ length: rows * inputs }, (_, i) => Math.cos(3 * i));
const targets: readonly OnnxTarget[] = ["engine", "standard"];

/** What x · wᵀ is, by loops. */
function product(w: Float32Array): readonly number[] {
  return Array.from({ length: rows * outputs }, (_, at) => {
    const [row, output] = [Math.floor(at / outputs), at % outputs];
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += x[row * inputs + i]! * w[output * inputs + i]!;
    return sum;
  });
}

/** Operands that begin with x, as parameters of a graph. */
function place(operands: Feeds): { readonly graph: Graph; readonly values: readonly Value[] } {
  const graph = new Graph();
  return {
    graph,
    values: Object.entries(operands).map(([name, { dims, dtype }]) => graph.parameter(name, dims, dtype)),
  };
}

/** The product with weights that the program keeps: what is fed at every run cannot be packed for the fast kernels. */
async function run(operands: Feeds, build: (values: readonly Value[]) => Value, target: OnnxTarget) {
  const { graph, values } = place(operands);
  const y = build(values);
  const { x: fed, ...weights } = operands;
  const [kept] = await runGraph(graph, [y], { x: fed! }, { target, weights });
  if (target === "engine") {
    const read = await readOnnx(encodeOnnx(toOnnx(graph, [y], { target }).model));
    const [again] = await runGraph(read.graph, Object.values(read.outputs), { x: fed! }, { weights });
    expect(numbersOf(again)).toEqual(numbersOf(kept));
  }
  return numbersOf(kept);
}

const range = await findInt8Range();

const int8Operands = (): Record<"x" | "weight" | "scales", HostTensor> => {
  const { values, scales } = quantizeInt8(weight, outputs, inputs, range);
  return {
    x: float32Tensor([rows, inputs], x),
    weight: { dtype: "int8", dims: [inputs, outputs], data: values },
    scales: float32Tensor([outputs], scales),
  };
};

const blockOperands = (bits: BlockBits) => {
  const quantized = quantizeBlocks(weight, outputs, inputs, bits);
  const values = { dtype: "uint8", dims: [outputs, 2, 4 * bits], data: quantized.values } as const;
  return { quantized, values, scales: float32Tensor([outputs, 2], quantized.scales) };
};

describe.each(targets)("for the %s target", (target) => {
  it("dynamicQuantizeMatMul multiplies by the weight that 8 bits stand for, but for the rounding of x", async () => {
    const expected = product(dequantizeInt8(quantizeInt8(weight, outputs, inputs, range)));
    const got = await run(int8Operands(), ([a, w, s]) => g.dynamicQuantizeMatMul(a!, w!, s!), target);
    // x lies in [−1, 1]: 255 steps, each of 40 products off by at most half a step.
    expect(got).toBeAllClose(expected, { absolute: (inputs * 2) / 255 / 2 });
  });

  it.each<BlockBits>([4, 8])("matMulNBits multiplies by the weight that %i bits stand for", async (bits) => {
    const { quantized, values, scales } = blockOperands(bits);
    const operands = { x: float32Tensor([rows, inputs], x), weight: values, scales };
    const got = await run(operands, ([a, w, s]) => g.matMulNBits(a!, w!, s!, { bits }), target);
    expect(got).toBeAllClose(product(dequantizeBlocks(quantized)), { absolute: (inputs * 1) / 127 / 2 });
  });

  it.each<BlockBits>([4, 8])("gatherBlockQuantized takes rows of %i bits out as they are", async (bits) => {
    const { quantized, values, scales } = blockOperands(bits);
    const table = { ...values, dims: [outputs, 2 * 4 * bits] };
    const ids = new Graph();
    const [t, s] = [ids.parameter("table", table.dims, "uint8"), ids.parameter("scales", scales.dims)];
    const indices = ids.input("indices", "int32", ["tokens"]);
    const y = g.slice(g.gatherBlockQuantized(t, s, indices, { bits }), { axis: 1, start: 0, end: inputs });
    const feeds: Feeds = { table, scales, indices: { dtype: "int32", dims: [2], data: Int32Array.of(4, 1) } };
    const read = await readOnnx(encodeOnnx(toOnnx(ids, [y], { target }).model));
    const [got] = await runGraph(read.graph, Object.values(read.outputs), feeds, { target });
    const all = dequantizeBlocks(quantized);
    const expected = [4, 1].flatMap((row) => [...all.subarray(row * inputs, (row + 1) * inputs)]);
    expect(numbersOf(got)).toBeAllClose(expected, { relative: 1e-6 });
  });
});

describe("quantized products", () => {
  it("name themselves and the path where a gradient is asked for", () => {
    const { graph, values } = place(int8Operands());
    const y = graph.within("layers.0", () => g.dynamicQuantizeMatMul(values[0]!, values[1]!, values[2]!));
    expect(() => gradients(g.reduceSum(y), [values[0]!])).toThrow(UnsupportedError);
    expect(() => gradients(g.reduceSum(y), [values[0]!])).toThrow(
      /no gradient rule for "DynamicQuantizeMatMul" \(weights in 8 or 4 bits are for models that do not learn\)/,
    );
  });

  it("refuse operands that do not fit", () => {
    const graph = new Graph();
    const a = graph.input("a", "float32", ["rows", 40]);
    const wrong = graph.parameter("wrong", [39, 5], "int8");
    const scales = graph.parameter("scales", [5]);
    expect(() => g.dynamicQuantizeMatMul(a, wrong, scales)).toThrow("[…, inputs], [inputs, outputs] and [outputs]");
    expect(() => g.dynamicQuantizeMatMul(a, scales, scales)).toThrow("must be int8");
    const blocks = graph.parameter("blocks", [5, 2, 16], "uint8");
    expect(() => g.matMulNBits(a, blocks, graph.parameter("s", [5, 2]), { bits: 8 })).toThrow("⌈inputs / 32⌉, 32]");
    const table = graph.parameter("table", [5, 30], "uint8");
    const ids = graph.input("ids", "int32", ["tokens"]);
    expect(() => g.gatherBlockQuantized(table, graph.parameter("t", [5, 2]), ids, { bits: 4 })).toThrow("blocks * 16");
  });
});
