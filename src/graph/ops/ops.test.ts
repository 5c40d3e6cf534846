import { afterAll, describe, expect, it } from "vitest";
import { numbersOf, runGraph } from "../../../test/support/run-graph.js";
import { liveProgramsForTests } from "../../runtime/executor.js";
import type { HostTensor } from "../../runtime/tensor.js";
import type { Shape } from "../dims.js";
import { type DType, toTensorData } from "../dtype.js";
import { Graph, type Value } from "../graph.js";
import * as g from "./index.js";

afterAll(() => expect(liveProgramsForTests()).toBe(0));

function tensor(dtype: DType, dims: readonly number[], values: readonly number[]): HostTensor {
  return { dtype, dims, data: toTensorData(dtype, values) };
}

describe("shape inference", () => {
  const inputs = (graph: Graph) => ({
    x: graph.input("x", "float32", ["rows", 4]),
    y: graph.input("y", "float32", [3, 5]),
    wide: graph.input("wide", "float64", [4]),
    ids: graph.input("ids", "int64", ["rows"]),
  });
  type Inputs = ReturnType<typeof inputs>;
  const faults: readonly (readonly [string, (inputs: Inputs) => unknown, string])[] = [
    [
      "add",
      ({ x, y }) => g.add(x, y),
      'Add in "layers.0": shapes must be equal or broadcast, got "x" float32 [rows, 4] and "y" float32 [3, 5].',
    ],
    [
      "mul",
      ({ x, wide }) => g.mul(x, wide),
      'Mul in "layers.0": operands must have one dtype, got "x" float32 [rows, 4] and "wide" float64 [4].',
    ],
    ["two numbers", () => g.max(1, 2), "Max: at least one operand must be a value of a graph, got numbers only."],
    ["exp", ({ ids }) => g.exp(ids), 'the operand must be float32 or float64, got "ids" int64 [rows].'],
    ["not", ({ x }) => g.not(x), 'Not in "layers.0": the operand must be bool'],
    ["where", ({ x }) => g.where(x, x, 0), "the operand must be bool"],
    [
      "matMul",
      ({ x, y }) => g.matMul(x, y),
      'MatMul in "layers.0": operands must be […, m, k] and […, k, n] with one k and batch axes that broadcast, got "x" float32 [rows, 4] and "y" float32 [3, 5].',
    ],
    ["matMul, transposed", ({ x, y }) => g.matMul(x, y, { transposeB: true }), "and transposed […, k, n]"],
    ["matMul of a vector", ({ wide }) => g.matMul(wide, wide), "operands must have at least 2 axes"],
    ["gemm", ({ x, y }) => g.gemm(x, y, y, { transposeA: true }), "operands must be [m, k], [k, n] and [m, n]"],
    [
      "reduceSum",
      ({ x }) => g.reduceSum(x, { axes: [2] }),
      "ReduceSum: axis must be a whole number from -2 to 1, got 2.",
    ],
    ["topK", ({ x }) => g.topK(x, 5), "the last axis must hold at least k = 5 elements"],
    ["reshape", ({ x }) => g.reshape(x, ["rows", 5]), "the operand must have as many elements as [rows, 5]"],
    ["reshape to a foreign symbol", ({ x }) => g.reshape(x, ["batch", 4]), "as many elements as [batch, 4]"],
    ["transpose", ({ x }) => g.transpose(x, [0, 0]), "the permutation [0, 0] must name each axis once"],
    ["expand", ({ x }) => g.expand(x, ["rows", 8]), "the operand must broadcast to [rows, 8]"],
    ["concat", ({ x, y }) => g.concat([x, y], 1), "operands must agree in dtype and in every axis but 1"],
    ["slice", ({ x }) => g.slice(x, { axis: 1, start: 2, end: 5 }), "axis 1 must have a known size that holds 2 to 5"],
    ["pad", ({ x }) => g.pad(x, { axis: 1, before: -1, after: 0 }), "-1 and 0 must not be negative"],
    ["gather", ({ x }) => g.gather(x, x), "the operand must be int32 or int64"],
    ["gatherElements", ({ x, ids }) => g.gatherElements(x, ids), "operands must agree in every axis but 1"],
    [
      "scatterRowsAdd",
      ({ x, y, ids }) => g.scatterRowsAdd(y, ids, x),
      "operands must be [rows, width], [n] and [n, width]",
    ],
    [
      "rmsNorm",
      ({ x, y }) => g.rmsNorm(y, g.reduceSum(x, { axes: [0] }), 1e-6),
      "operands must be […, width] and [width] of one dtype",
    ],
    ["rotaryEmbedding", ({ x, ids }) => g.rotaryEmbedding(x, x, x, ids), "the operand must have 4 axes"],
  ];

  it.each(faults)("refuses a wrong %s and says op, scope, operands and what it wanted", (_, build, message) => {
    const graph = new Graph();
    const values = inputs(graph);
    expect(() => graph.within("layers.0", () => build(values))).toThrow(message);
  });

  it("carries op, scope and operands in the error's details", () => {
    const graph = new Graph();
    const { x, y } = inputs(graph);
    try {
      graph.within("layers.0", () => g.add(x, y));
      expect.fail("expected an error");
    } catch (error) {
      expect(error).toMatchObject({
        code: "SHAPE",
        details: { op: "Add", scope: "layers.0", operands: [{ name: "x" }, { name: "y", shape: [3, 5] }] },
      });
    }
  });

  it("joins and splits symbols", () => {
    const { x } = inputs(new Graph());
    expect(g.reshape(x, ["2*rows", 2]).shape).toEqual(["2*rows", 2]);
    expect(g.matMul(x, x, { transposeB: true }).shape).toEqual(["rows", "rows"]);
  });
});

describe("concat and split", () => {
  it("give a sum of symbols a name, or the one that they are told, and take it apart again", () => {
    const graph = new Graph();
    const [past, own] = [graph.input("past", "float32", ["past", 2]), graph.input("own", "float32", ["own", 2])];
    const all = g.concat([past, own], 0, { size: "all" });
    expect(all.shape).toEqual(["all", 2]);
    expect(g.split(all, 0, ["past", "own"]).map(({ shape }) => shape)).toEqual([
      ["past", 2],
      ["own", 2],
    ]);
    expect(g.split(all, -1, [2])).toEqual([all]);
    expect(g.concat([past, own, own], 0).shape).toEqual(["own+own+past", 2]);
    expect(() => g.split(all, 1, [1, 2])).toThrow("Split: axis 1 must be the sum of the sizes [1, 2], got");
  });
});

describe("values", () => {
  const both: readonly DType[] = ["float32", "float64"];
  const all: readonly DType[] = [...both, "int32", "int64"];

  /** What `build` gives for a = [-3, 0, 2, 7] and b = [2, 2, 2, 2] of a dtype. */
  async function apply(dtype: DType, build: (a: Value, b: Value) => Value): Promise<readonly number[]> {
    const graph = new Graph();
    const [a, b] = [graph.input("a", dtype, [4]), graph.input("b", dtype, [4])];
    const feeds = { a: tensor(dtype, [4], [-3, 0, 2, 7]), b: tensor(dtype, [4], [2, 2, 2, 2]) };
    const [result] = await runGraph(graph, [build(a, b)], feeds);
    return numbersOf(result);
  }

  it.each(all)("of arithmetic and comparisons are right in %s; whole numbers divide towards 0", async (dtype) => {
    const isFloat = both.includes(dtype);
    const expected: readonly (readonly [(a: Value, b: Value) => Value, readonly number[]])[] = [
      [g.add, [-1, 2, 4, 9]],
      [g.sub, [-5, -2, 0, 5]],
      [g.mul, [-6, 0, 4, 14]],
      [g.div, isFloat ? [-1.5, 0, 1, 3.5] : [-1, 0, 1, 3]],
      [g.pow, [9, 0, 4, 49]],
      [g.max, [2, 2, 2, 7]],
      [g.min, [-3, 0, 2, 2]],
      [g.equal, [0, 0, 1, 0]],
      [g.less, [1, 1, 0, 0]],
      [g.lessOrEqual, [1, 1, 1, 0]],
      [g.greater, [0, 0, 0, 1]],
      [(a, b) => g.where(g.less(a, b), a, -1), [-3, 0, -1, -1]],
      [(a, b) => g.or(g.less(a, b), g.not(g.equal(a, 7))), [1, 1, 1, 0]],
      [(a, b) => g.and(g.less(a, b), g.equal(a, 0)), [0, 1, 0, 0]],
      [(a) => g.concat([g.slice(a, { axis: 0, start: 1, end: 3 }), a], 0), [0, 2, -3, 0, 2, 7]],
      [(a) => g.pad(a, { axis: 0, before: 1, after: 1 }), [0, -3, 0, 2, 7, 0]],
      [(a) => g.cast(g.gather(a, a.graph.constant("int32", [2], Int32Array.of(3, -1))), "float64"), [7, 7]],
      [(a) => g.cast(a, "bool"), [1, 0, 1, 1]],
    ];
    for (const [build, values] of expected) expect(await apply(dtype, build)).toEqual(values);
  });

  it.each(both)("of functions and reductions are right in %s", async (dtype) => {
    const x = [-3, 0, 2, 7];
    const total = Math.log(x.reduce((sum, each) => sum + Math.exp(each), 0));
    const expected: readonly (readonly [(a: Value) => Value, readonly number[]])[] = [
      [g.neg, [3, 0, -2, -7]],
      [g.abs, [3, 0, 2, 7]],
      [g.sign, [-1, 0, 1, 1]],
      [g.exp, x.map(Math.exp)],
      [(a) => g.log(g.add(a, 4)), x.map((each) => Math.log(each + 4))],
      [(a) => g.sqrt(g.add(a, 4)), x.map((each) => Math.sqrt(each + 4))],
      [(a) => g.reciprocal(g.add(a, 4)), x.map((each) => 1 / (each + 4))],
      [g.sigmoid, x.map((each) => 1 / (1 + Math.exp(-each)))],
      [g.silu, x.map((each) => each / (1 + Math.exp(-each)))],
      [g.tanh, x.map(Math.tanh)],
      [g.softplus, x.map((each) => Math.log1p(Math.exp(each)))],
      [g.relu, [0, 0, 2, 7]],
      [(a) => g.reduceSum(a), [6]],
      [(a) => g.reduceMean(a), [1.5]],
      [(a) => g.reduceMax(a), [7]],
      [(a) => g.reduceLogSumExp(a), [total]],
      [(a) => g.softmax(a), x.map((each) => Math.exp(each - total))],
      [(a) => g.logSoftmax(a), x.map((each) => each - total)],
      [(a) => g.argMax(a), [3]],
      [(a) => g.topK(a, 2).values, [7, 2]],
      [(a) => g.topK(a, 2).indices, [3, 2]],
    ];
    for (const [build, values] of expected) {
      expect(await apply(dtype, build)).toBeAllClose(values, { relative: dtype === "float64" ? 1e-12 : 1e-5 });
    }
  });

  it("of erf are right in float32", async () => {
    expect(await apply("float32", (a) => g.erf(g.mul(a, 0.5)))).toBeAllClose([
      -0.9661051464753108, 0, 0.8427007929497148, 0.9999992569016276,
    ]);
  });
});

describe("sizes known only when the graph runs", () => {
  const x = tensor(
    "float32",
    [2, 3, 4],
    Array.from({ length: 24 }, (_, i) => i),
  );

  /** The dims that `build` gives when the symbols are batch = 2, tokens = 3. */
  async function dimsOf(build: (x: Value) => Value): Promise<readonly number[]> {
    const graph = new Graph();
    const [result] = await runGraph(graph, [build(graph.input("x", "float32", ["batch", "tokens", 4]))], { x });
    expect(new Set(numbersOf(result)).size).toBe(24);
    return result!.dims;
  }

  const reshapes: readonly (readonly [string, Shape, readonly number[]])[] = [
    ["one symbol, a product", ["batch*tokens", 4], [6, 4]],
    ["one symbol, with a factor", ["2*batch*tokens", 2], [12, 2]],
    ["two symbols that stay in place", ["batch", "tokens", 2, 2], [2, 3, 2, 2]],
    ["one that stays, one that changes", ["batch", "2*tokens", 2], [2, 6, 2]],
    ["two that both move", [4, "batch", "tokens"], [4, 2, 3]],
    ["two that swap", ["tokens", "batch", 4], [3, 2, 4]],
  ];

  it.each(reshapes)("are found by reshape: %s", async (_, shape, dims) => {
    expect(await dimsOf((value) => g.reshape(value, shape))).toEqual(dims);
  });

  it("are found by expand, as products, from inputs that nothing else reads", async () => {
    const graph = new Graph();
    const like = graph.input("like", "int32", ["batch", "tokens"]);
    const row = graph.constant("float64", [1, 2], Float64Array.of(1, 2));
    const wide = g.expand(row, ["3*batch*tokens", 2]);
    const [result] = await runGraph(graph, [wide], { like: tensor("int32", [1, 2], [0, 0]) });
    expect(result!.dims).toEqual([6, 2]);
    expect(like.shape).toEqual(["batch", "tokens"]);
  });

  it("must be an axis of some input", async () => {
    const graph = new Graph();
    const wide = g.expand(graph.number("float32", 1), ["rows"]);
    await expect(runGraph(graph, [wide])).rejects.toThrow(
      'onnx: the size "rows" must be an axis of an input, so that it can be read when the graph runs.',
    );
  });

  it("may be 0", async () => {
    const graph = new Graph();
    const rows = graph.input("rows", "float32", ["rows", 4]);
    const outputs = [g.reshape(rows, ["rows", 2, 2]), g.reduceSum(rows), g.softmax(rows)];
    const results = await runGraph(graph, outputs, { rows: tensor("float32", [0, 4], []) });
    expect(results.map(({ dims }) => dims)).toEqual([[0, 2, 2], [], [0, 4]]);
    expect(numbersOf(results[1])).toEqual([0]);
  });

  it("are read by dimSize and dimScalar", async () => {
    const graph = new Graph();
    const value = graph.input("x", "float32", ["batch", "tokens", 4]);
    const results = await runGraph(graph, [g.dimSize(value, 1), g.dimScalar(value, 0)], { x });
    expect(results).toEqual([tensor("int64", [1], [3]), tensor("int64", [], [2])]);
  });
});

describe("outputs", () => {
  it("may be inputs, constants, the same value twice, and values that are only passed on", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [1]);
    const y = g.exp(x);
    const outputs = [x, graph.number("float32", 3), y, y, g.identity(y), g.stopGradient(x)];
    const results = await runGraph(graph, outputs, { x: tensor("float32", [1], [0]) });
    expect(results.flatMap(numbersOf)).toEqual([0, 3, 1, 1, 1, 0]);
  });
});

describe("loop", () => {
  const trips = (graph: Graph, count: number) => graph.constant("int64", [], BigInt64Array.of(BigInt(count)));

  it("carries values, stacks scans, and may use values from around it", async () => {
    const graph = new Graph();
    const rows = graph.input("rows", "float32", ["n", 2]);
    const one = graph.number("float32", 1);
    const { carried, scanned } = g.loop(g.dimScalar(rows, 0), "n", [one], (_body, iteration, [product]) => {
      const row = g.gather(rows, iteration);
      const next = g.mul(product!, g.reduceSum(row));
      return { carried: [next], scanned: [next, g.mul(row, 10), iteration] };
    });
    expect(scanned.map(({ shape }) => shape)).toEqual([["n"], ["n", 2], ["n"]]);
    const feeds = { rows: tensor("float32", [3, 2], [1, 1, 2, 1, 0, 4]) };
    const results = await runGraph(graph, [...carried, ...scanned], feeds);
    expect(results.map(numbersOf)).toEqual([[24], [2, 6, 24], [10, 10, 20, 10, 0, 40], [0, 1, 2]]);
  });

  it("returns what it was given when it runs no iteration", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [2]);
    const body = (_body: Graph, _iteration: Value, [value]: readonly Value[]) => ({
      carried: [g.mul(value!, 2)],
      scanned: [],
    });
    const results = await runGraph(graph, g.loop(trips(graph, 0), 0, [x], body).carried, {
      x: tensor("float32", [2], [5, 6]),
    });
    expect(results.map(numbersOf)).toEqual([[5, 6]]);
  });

  it("may return a carried value as it came, one value twice, and one from around it", async () => {
    const graph = new Graph();
    const [x, outer] = [graph.input("x", "float32", []), graph.input("outer", "float32", [])];
    const { carried, scanned } = g.loop(trips(graph, 2), 2, [x, x, x], (_body, _iteration, [a, b]) => ({
      carried: [g.stopGradient(b!), a!, outer],
      scanned: [a!, a!, g.identity(a!), outer],
    }));
    const feeds = { x: tensor("float32", [], [1]), outer: tensor("float32", [], [9]) };
    const results = await runGraph(graph, [...carried, ...scanned], feeds);
    expect(results.map(numbersOf)).toEqual([[1], [1], [9], [1, 1], [1, 1], [1, 1], [9, 9]]);
  });

  it("nests, and reads sizes of symbols inside", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["n", "n"]);
    const rows = g.dimScalar(x, 0);
    const outer = g.loop(rows, "n", [graph.number("float32", 0)], (_body, i, [total]) => {
      const row = g.gather(x, i);
      const inner = g.loop(rows, "n", [total!], (_inner, j, [sum]) => {
        const filled = g.expand(g.gather(row, j), ["n"]);
        return { carried: [g.add(sum!, g.reduceSum(filled))], scanned: [] };
      });
      return { carried: inner.carried, scanned: [] };
    });
    const results = await runGraph(graph, outer.carried, { x: tensor("float32", [2, 2], [1, 2, 3, 4]) });
    expect(results.map(numbersOf)).toEqual([[20]]);
  });

  it("refuses a carried value of another shape, and another count of them", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [2]);
    const grow = () =>
      g.loop(trips(graph, 1), 1, [x], (_body, _i, [value]) => ({ carried: [g.reduceSum(value!)], scanned: [] }));
    expect(grow).toThrow("carried value 0 must stay float32 [2], got");
    const lose = () => g.loop(trips(graph, 1), 1, [x], () => ({ carried: [], scanned: [] }));
    expect(lose).toThrow("Loop: the body must return one carried value per initial one, not 0");
  });
});
