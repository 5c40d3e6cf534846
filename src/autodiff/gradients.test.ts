import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { arbitrarySteps, buildSteps } from "../../test/support/arbitrary-graphs.js";
import { draw } from "../../test/support/gradient-cases/gradient-case.js";
import { numbersOf, runGraph } from "../../test/support/run-graph.js";
import { Graph, type Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { printGraph } from "../graph/print.js";
import { checkGradients } from "../runtime/check-gradients.js";
import { liveProgramsForTests } from "../runtime/executor.js";
import { float64Tensor } from "../runtime/tensor.js";
import { gradients, pullback } from "./gradients.js";

afterAll(() => expect(liveProgramsForTests()).toBe(0));

/** The ops that `build` appends to a graph. */
function opsOf(graph: Graph, build: () => unknown): readonly string[] {
  const before = graph.nodes.length;
  build();
  return graph.nodes.slice(before).map(({ op }) => op);
}

describe("gradients", () => {
  it("adds up over every way that a value reaches the loss", async () => {
    const check = await checkGradients(
      ({ x, y }) => {
        const shared = g.tanh(g.mul(x, y));
        const diamond = g.mul(g.exp(shared), g.sigmoid(shared));
        return g.reduceSum(g.add(g.mul(diamond, diamond), g.div(shared, g.add(g.mul(x, x), 1))));
      },
      { feeds: { x: draw([2, 3]), y: draw([3]) } },
    );
    expect(check.comparisons).toBe(6 + 3);
  });

  it("is 1 for the loss itself, and reaches values in the middle of the graph", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float64", []);
    const middle = g.mul(x, 3);
    const loss = g.mul(middle, middle);
    const results = await runGraph(graph, gradients(loss, [loss, middle, x, middle]), {
      x: float64Tensor([], Float64Array.of(2)),
    });
    expect(results.flatMap(numbersOf)).toEqual([1, 12, 36, 12]);
  });

  it("is zeros in the parameter's shape where the loss does not depend on it", async () => {
    const graph = new Graph();
    const x = graph.parameter("x", [2], "float64");
    const unused = graph.parameter("unused", [2, 2], "float64");
    const [gradient] = gradients(g.reduceSum(x), [unused]);
    expect(gradient!.shape).toEqual([2, 2]);
    expect((await runGraph(graph, [gradient!])).flatMap(numbersOf)).toEqual([0, 0, 0, 0]);
  });

  it("emits nothing for inputs that are not asked for", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["rows", 3]);
    const weight = graph.parameter("weight", [2, 3]);
    const loss = g.reduceSum(g.matMul(g.tanh(x), weight, { transposeB: true }));
    const ops = opsOf(graph, () => gradients(loss, [weight]));
    expect(ops).toEqual(["Reshape", "Expand", "MatMul"]);
    const [gradient] = gradients(loss, [weight]);
    expect(printGraph(graph, [gradient!])).toMatchInlineSnapshot(`
      "input x: float32 [rows, 3]
      parameter weight: float32 [2, 3]
      Tanh: float32 [rows, 3] = Tanh(x)
      gradient/Reshape_1: float32 [1, 1] = Reshape(number_1)
      gradient/Expand_1: float32 [rows, 2] = Expand(gradient/Reshape_1)
      gradient/MatMul_1: float32 [2, 3] = MatMul(gradient/Expand_1, Tanh) transposeA alpha=1"
    `);
  });

  it("emits nothing behind integers: ids and masks that depend on a parameter carry no gradient", () => {
    const graph = new Graph();
    const x = graph.parameter("x", [4]);
    const table = graph.parameter("table", [4]);
    const picked = g.exp(g.gather(table, g.topK(x, 2).indices));
    expect(opsOf(graph, () => gradients(g.reduceSum(picked), [x]))).toEqual(["ReduceSum", "Expand"]);
  });

  it("emits weight gradients last, those of the first layer first", () => {
    const graph = new Graph();
    const weights = [0, 1, 2].map((layer) => graph.parameter(`layers.${layer}`, [3, 3]));
    let hidden: Value = graph.input("x", "float32", ["rows", 3]);
    for (const [layer, weight] of weights.entries()) {
      hidden = graph.within(`layers.${layer}`, () => g.tanh(g.matMul(hidden, weight)));
    }
    const found = gradients(g.reduceSum(hidden), weights);
    const places = found.map((gradient) => graph.nodes.indexOf(gradient.producer!));
    expect(places).toEqual([-3, -2, -1].map((fromEnd) => graph.nodes.length + fromEnd));
    expect(found.map(({ name }) => name)).toEqual(
      [0, 1, 2].map((layer) => `gradient/layers.${layer}/MatMul${layer === 0 ? "" : "_1"}`),
    );
  });

  it("differentiates what it emitted: second derivatives are right", async () => {
    await checkGradients(({ x, y }) => gradients(g.reduceSum(g.mul(g.softmax(g.mul(x, y)), g.tanh(x))), [x, y]), {
      feeds: { x: draw([4]), y: draw([4]) },
    });
  });

  it("refuses a loss that is not a float scalar", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["rows"]);
    const count = g.dimScalar(x, 0);
    expect(() => gradients(x, [x])).toThrow("gradients: the loss must be a float scalar [], got float32 [rows].");
    expect(() => gradients(count, [x])).toThrow("gradients: the loss must be a float scalar [], got int64 [].");
  });
});

describe("pullback", () => {
  it("adds what flows in from several outputs", async () => {
    await checkGradients(({ x }) => [g.exp(x), g.reduceSum(g.mul(x, x)), x, g.exp(x)], { feeds: { x: draw([3]) } });
  });

  it("refuses a cotangent of another shape or dtype", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [2]);
    expect(() => pullback([{ output: x, cotangent: graph.number("float32", 1) }], [x])).toThrow(
      'pullback: the cotangent of "x" must be float32 [2], got float32 [].',
    );
  });
});

describe("stopGradient", () => {
  it("keeps the value and lets nothing flow back", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float64", []);
    const loss = g.mul(x, g.stopGradient(g.mul(x, x)));
    const feeds = { x: float64Tensor([], Float64Array.of(3)) };
    const results = await runGraph(graph, [loss, ...gradients(loss, [x])], feeds);
    expect(results.flatMap(numbersOf)).toEqual([27, 9]);
  });
});

describe("customGradient", () => {
  it("uses the closed form and never looks behind the value", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float64", []);
    const hidden = graph.input("hidden", "float64", []);
    const value = g.customGradient(g.mul(g.exp(x), hidden), [x], (cotangent) => [g.mul(cotangent, 7)]);
    const loss = g.mul(value, 2);
    const feeds = { x: float64Tensor([], Float64Array.of(0)), hidden: float64Tensor([], Float64Array.of(5)) };
    const results = await runGraph(graph, [loss, ...gradients(loss, [x, hidden])], feeds);
    expect(results.flatMap(numbersOf)).toEqual([10, 14, 0]);
  });

  it("may leave an input without a gradient", async () => {
    const graph = new Graph();
    const [x, y] = [graph.input("x", "float64", []), graph.input("y", "float64", [])];
    const value = g.customGradient(g.mul(x, y), [x, y], (cotangent) => [undefined, cotangent]);
    const feeds = { x: float64Tensor([], Float64Array.of(2)), y: float64Tensor([], Float64Array.of(3)) };
    expect((await runGraph(graph, gradients(value, [x, y]), feeds)).flatMap(numbersOf)).toEqual([0, 1]);
  });

  it("names the node where the closed form returns a wrong count or shape", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [2]);
    const composite = (gradient: (cotangent: Value) => readonly Value[]) =>
      graph.within("mine", () => g.reduceSum(g.customGradient(x, [x], gradient)));
    expect(() =>
      gradients(
        composite(() => []),
        [x],
      ),
    ).toThrow('customGradient at node "mine/CustomGradient": the function must return 1 gradients, got 0.');
    expect(() =>
      gradients(
        composite((cotangent) => [g.reduceSum(cotangent)]),
        [x],
      ),
    ).toThrow('customGradient at node "mine/CustomGradient_1": the gradient of "x" must be [2], got [].');
  });
});

describe("a missing rule", () => {
  it("names op, reason, node and path", () => {
    const graph = new Graph();
    const weight = graph.parameter("weight", []);
    const trips = graph.constant("int64", [], BigInt64Array.of(3n));
    const { carried } = graph.within("repeat", () =>
      g.loop(trips, 3, [g.exp(weight)], (_body, _iteration, [x]) => ({ carried: [g.mul(x!, x!)], scanned: [] })),
    );
    const loss = graph.within("loss", () => g.neg(carried[0]!));
    expect(() => gradients(loss, [weight])).toThrow(
      'autodiff: no gradient rule for "Loop" (a loop is differentiated inside its body, not through it), needed by node ' +
        '"repeat/Loop" on the path from "loss/Neg" to "weight".',
    );
  });

  it("is found for values that only a loop's body uses", () => {
    const graph = new Graph();
    const weight = graph.parameter("weight", []);
    const trips = graph.constant("int64", [], BigInt64Array.of(3n));
    const start = graph.number("float32", 0);
    const { carried } = g.loop(trips, 3, [start], (_body, _iteration, [x]) => ({
      carried: [g.add(x!, weight)],
      scanned: [],
    }));
    expect(() => gradients(carried[0]!, [weight])).toThrow('on the path from "Loop" to "weight"');
  });

  it("is an error only where it is needed: rotation tables, and second derivatives of rmsNorm", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [1, 1, 2, 4]);
    const table = graph.parameter("table", [5, 2]);
    const positions = graph.input("positions", "int64", [1, 2]);
    const rotated = g.reduceSum(g.exp(g.rotaryEmbedding(x, table, table, positions)));
    expect(gradients(rotated, [x])).toHaveLength(1);
    expect(() => gradients(rotated, [table])).toThrow('no gradient formula for the tables of "RotaryEmbedding"');
    const weight = graph.parameter("weight", [4]);
    const [first] = gradients(g.reduceSum(g.exp(g.rmsNorm(x, weight, 1e-6))), [weight]);
    expect(() => gradients(g.reduceSum(g.exp(first!)), [x])).toThrow(
      'no gradient formula for the second derivative of "RmsNorm"',
    );
  });
});

describe("inside a loop's body", () => {
  it("accumulates the gradient of a captured weight and scans out that of the rows", async () => {
    const graph = new Graph();
    const rows = graph.input("rows", "float64", ["chunks", 2, 3]);
    const weight = graph.input("weight", "float64", [4, 3]);
    const lossOf = (x: Value) => g.reduceSum(g.tanh(g.matMul(x, weight, { transposeB: true })));
    const initial = [graph.number("float64", 0), g.zeros(weight, weight.shape)];
    const { carried, scanned } = g.loop(
      g.dimScalar(rows, 0),
      "chunks",
      initial,
      (_body, iteration, [lossSum, weightSum]) => {
        const chunk = g.gather(rows, iteration);
        const loss = lossOf(chunk);
        const [chunkGradient, weightGradient] = gradients(loss, [chunk, weight]);
        return {
          carried: [g.add(lossSum!, loss), g.add(weightSum!, weightGradient!)],
          scanned: [chunkGradient!],
        };
      },
    );
    const whole = lossOf(g.reshape(rows, ["2*chunks", 3]));
    const expected = [whole, ...gradients(whole, [weight, rows])];
    const feeds = { rows: draw([3, 2, 3]), weight: draw([4, 3]) };
    const results = await runGraph(graph, [...carried, ...scanned, ...expected], feeds);
    for (const i of [0, 1, 2]) {
      expect(numbersOf(results[i]!)).toBeAllClose(numbersOf(results[i + 3]!), { relative: 1e-12 });
      expect(results[i]!.dims).toEqual(results[i + 3]!.dims);
    }
  });

  it("takes what was computed around the body as given, and differentiates what the body computes of it", async () => {
    const graph = new Graph();
    const weight = graph.input("weight", "float64", []);
    const outside = g.exp(weight);
    const trips = graph.constant("int64", [], BigInt64Array.of(2n));
    const zero = graph.number("float64", 0);
    const { carried } = g.loop(trips, 2, [zero, zero], (_body, _iteration, [outsideSum, weightSum]) => {
      // Of values from around the body only, so that its nodes are put there.
      const penalty = g.mul(g.mul(outside, outside), weight);
      const loss = g.add(g.mul(outsideSum!, 0), penalty);
      const [forOutside, forWeight] = gradients(loss, [outside, weight]);
      return { carried: [g.add(outsideSum!, forOutside!), g.add(weightSum!, forWeight!)], scanned: [] };
    });
    const results = await runGraph(graph, carried, { weight: float64Tensor([], Float64Array.of(0.5)) });
    const e = Math.exp(0.5);
    expect(results.flatMap(numbersOf)).toBeAllClose([2 * (2 * e * 0.5), 2 * e * e], { relative: 1e-12 });
  });
});

describe("random graphs of smooth ops", () => {
  it("have right gradients", async () => {
    await fc.assert(
      fc.asyncProperty(arbitrarySteps, fc.integer(), async (steps, seed) => {
        const feeds = { a: draw([3, 3]), b: draw([3, 3]) };
        await checkGradients(({ a, b }) => buildSteps([a, b], steps), { feeds, seed });
      }),
      { numRuns: 25, seed: 1 },
    );
  });

  it("stay in topological order, with unique names", () => {
    fc.assert(
      fc.property(arbitrarySteps, (steps) => {
        const graph = new Graph();
        const inputs = ["a", "b"].map((name) => graph.input(name, "float64", [3, 3]));
        const total = buildSteps(inputs, steps).map((value) => g.reduceSum(value));
        gradients(
          total.reduce((left, right) => g.add(left, right)),
          inputs,
        );
        const known = new Set<Value>([...graph.inputs, ...graph.constants]);
        for (const node of graph.nodes) {
          expect(node.inputs.every((input) => known.has(input))).toBe(true);
          for (const output of node.outputs) known.add(output);
        }
        expect(new Set([...known].map(({ name }) => name)).size).toBe(known.size);
      }),
      { numRuns: 50, seed: 1 },
    );
  });
});
