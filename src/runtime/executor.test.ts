import { afterEach, describe, expect, it } from "vitest";
import { Graph, type Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { type CompileOptions, compile, describeEngine, liveProgramsForTests, type Program } from "./executor.js";
import { float32Tensor, float64Tensor, type HostTensor, int32Tensor, scalarOf } from "./tensor.js";

const programs: Program[] = [];

afterEach(async () => {
  for (const program of programs.splice(0)) await program.dispose();
  expect(liveProgramsForTests()).toBe(0);
});

/** A program that is disposed after the test. */
async function start(
  graph: Graph,
  outputs: Readonly<Record<string, Value>>,
  options: CompileOptions = {},
): Promise<Program> {
  const program = await compile(graph, outputs, { threads: 1, ...options });
  programs.push(program);
  return program;
}

const vector = (...values: readonly number[]) => float32Tensor([values.length], Float32Array.from(values));

describe("compile and run", () => {
  it("returns the outputs under the caller's names", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["n"]);
    const program = await start(graph, { doubled: g.mul(x, 2), total: g.reduceSum(x) });
    const { doubled, total } = await program.run({ x: vector(1, 2) });
    expect(doubled).toEqual(vector(2, 4));
    expect(scalarOf(total!)).toBe(3);
  });

  it("needs no feeds for inputs that the outputs do not depend on", async () => {
    const graph = new Graph();
    graph.input("unused", "float32", [5]);
    const program = await start(graph, { one: g.exp(graph.number("float32", 0)) });
    expect(scalarOf((await program.run({})).one!)).toBe(1);
  });

  it("reads a weight's array at every run, so that it can be updated in place", async () => {
    const graph = new Graph();
    const program = await start(graph, { copy: g.neg(graph.parameter("weight", [1])) });
    const weight = vector(1);
    await program.run({ weight });
    weight.data[0] = 5;
    expect((await program.run({ weight })).copy!.data).toEqual(Float32Array.of(-5));
  });

  it("keeps weights that it is given, large and small, and asks for the rest", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [1, 32]);
    const [large, small] = [graph.parameter("large", [32, 32]), graph.parameter("small", [32])];
    const weights = {
      large: float32Tensor([32, 32], new Float32Array(1024).fill(0.5)),
      small: float32Tensor([32], new Float32Array(32).fill(3)),
    };
    const program = await start(graph, { y: g.add(g.matMul(x, large), small) }, { weights });
    const { y } = await program.run({ x: float32Tensor([1, 32], new Float32Array(32).fill(1)) });
    expect(y!.data).toEqual(new Float32Array(32).fill(19));
    await expect(program.run({})).rejects.toMatchObject({ code: "SHAPE" });
  });

  it("gives results that the next run does not overwrite", async () => {
    const graph = new Graph();
    const program = await start(graph, { y: g.neg(graph.input("x", "float32", ["n"])) });
    const first = await program.run({ x: vector(1, 2) });
    await program.run({ x: vector(7, 8) });
    expect(first.y).toEqual(vector(-1, -2));
  });

  it("runs x · sigmoid(x) in float64, which the engine would fuse into a kernel that float64 does not have", async () => {
    const graph = new Graph();
    const program = await start(graph, { y: g.silu(graph.input("x", "float64", [1])) });
    const { y } = await program.run({ x: float64Tensor([1], Float64Array.of(2)) });
    expect(y!.data[0]).toBeCloseTo(2 / (1 + Math.exp(-2)), 14);
  });

  it("adds up repeated row ids, on every thread", async () => {
    const [rows, count, width] = [4, 8192, 64];
    const graph = new Graph();
    const ids = graph.input("ids", "int32", ["n"]);
    const updates = graph.input("updates", "float32", ["n", width]);
    const table = g.zeros(updates, [rows, width]);
    const program = await start(graph, { sums: g.scatterRowsAdd(table, ids, updates) }, { threads: 2 });
    const { sums } = await program.run({
      ids: int32Tensor(
        [count],
        Int32Array.from({ length: count }, (_, i) => i % rows),
      ),
      updates: float32Tensor([count, width], new Float32Array(count * width).fill(1)),
    });
    expect(sums).toEqual(float32Tensor([rows, width], new Float32Array(rows * width).fill(count / rows)));
  });

  it("describes the engine", () => {
    expect(describeEngine()).toMatchObject({ engine: "onnxruntime-node", devices: ["cpu"] });
  });
});

describe("feeds", () => {
  const feedError = async (feeds: Readonly<Record<string, HostTensor>>): Promise<unknown> => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["batch", 2]);
    const ids = graph.input("ids", "int32", ["batch"]);
    const both = graph.input("both", "float32", ["2*batch"]);
    const total = g.add(g.reduceSum(g.gather(x, ids)), g.reduceSum(both));
    const program = await start(graph, { total });
    return program.run(feeds).then(
      () => "none",
      (error: { readonly message: string }) => error.message,
    );
  };
  const x = float32Tensor([3, 2], new Float32Array(6));
  const ids = int32Tensor([3], new Int32Array(3));
  const both = vector(0, 0, 0, 0, 0, 0);

  it("are accepted where every symbol has one size", async () => {
    expect(await feedError({ x, ids, both })).toBe("none");
  });

  it("must be there", async () => {
    expect(await feedError({ x, both })).toBe('runtime: input "ids" must be int32 [batch] with batch=3, got nothing.');
  });

  it("must have the input's dtype and rank", async () => {
    expect(await feedError({ x, ids: vector(0, 0, 0), both })).toBe(
      'runtime: input "ids" must be int32 [batch] with batch=3, got float32 [3].',
    );
    expect(await feedError({ x: vector(1, 2), ids, both })).toBe(
      'runtime: input "x" must be float32 [batch, 2], got float32 [2].',
    );
  });

  it("must agree on the size of a symbol, and on products of it", async () => {
    expect(await feedError({ x, ids: int32Tensor([2], new Int32Array(2)), both })).toBe(
      'runtime: input "ids" must be int32 [batch] with batch=3, got int32 [2].',
    );
    expect(await feedError({ x, ids, both: vector(0, 0) })).toBe(
      'runtime: input "both" must be float32 [2*batch] with batch=3, got float32 [2].',
    );
  });

  it("must hold as many values as their sizes say", async () => {
    expect(await feedError({ x: float32Tensor([3, 2], new Float32Array(5)), ids, both })).toBe(
      'runtime: input "x": float32 [3, 2] needs a Float32Array of 6 values, got a Float32Array of 5.',
    );
  });
});

describe("dispose", () => {
  const negate = async () => {
    const graph = new Graph();
    return start(graph, { y: g.neg(graph.input("x", "float32", ["n"])) });
  };

  it("is counted: no program is left over", async () => {
    const program = await negate();
    expect(liveProgramsForTests()).toBe(1);
    await program.dispose();
    await program.dispose();
    expect(liveProgramsForTests()).toBe(0);
  });

  it("refuses runs after it", async () => {
    const program = await negate();
    await program.dispose();
    await expect(program.run({ x: vector(1) })).rejects.toMatchObject({
      code: "DISPOSED",
      message: "runtime: the program was disposed before this run.",
    });
  });

  it("waits for a run in flight", async () => {
    const program = await negate();
    const running = program.run({ x: vector(1) });
    await program.dispose();
    expect((await running).y).toEqual(vector(-1));
  });

  it("leaves nothing behind where compiling fails", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float64", ["n"]);
    await expect(start(graph, { y: g.erf(x) })).rejects.toThrow();
    expect(liveProgramsForTests()).toBe(0);
  });
});

describe("errors of the engine", () => {
  it("name node, scope, operands with shapes, and the sizes of symbols, while running", async () => {
    const graph = new Graph();
    const table = graph.parameter("table", [3, 2]);
    const ids = graph.input("ids", "int32", ["tokens"]);
    const rows = graph.within("layers.0", () => graph.within("embed", () => g.gather(table, ids)));
    const program = await start(graph, { rows });
    const feeds = { table: float32Tensor([3, 2], new Float32Array(6)), ids: int32Tensor([2], Int32Array.of(0, 7)) };
    await expect(program.run(feeds)).rejects.toMatchObject({
      code: "ENGINE",
      message: expect.stringMatching(
        /^runtime: the engine failed while running the graph at node "layers.0\/embed\/Gather" in scope "layers.0\/embed" \(Gather of "table" float32 \[3, 2\], "ids" int32 \[tokens\]; tokens=2\): .*out of data bounds/,
      ),
      details: { node: "layers.0/embed/Gather", scope: "layers.0/embed", op: "Gather", sizes: { tokens: 2 } },
      cause: expect.any(Error),
    });
    expect((await program.run({ ...feeds, ids: int32Tensor([1], Int32Array.of(2)) })).rows!.dims).toEqual([1, 2]);
  });

  it("name the node inside a loop's body", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["n"]);
    const trips = graph.constant("int64", [], BigInt64Array.of(5n));
    const { scanned } = graph.within("head", () =>
      g.loop(trips, 5, [], (body, i) => ({ carried: [], scanned: [body.within("row", () => g.gather(x, i))] })),
    );
    const program = await start(graph, { y: scanned[0]! });
    await expect(program.run({ x: vector(1, 2) })).rejects.toMatchObject({
      details: { node: "head/body/row/Gather", scope: "head/body/row" },
    });
  });

  it("name the node that an op was lowered from", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [1, 1, "tokens", 4]);
    const tables = graph.input("tables", "float32", ["positions", 2]);
    const positions = graph.input("positions", "int64", [1, "tokens"]);
    const y = graph.within("attention", () => g.rotaryEmbedding(x, tables, tables, positions));
    const program = await start(graph, { y }, { target: "standard" });
    const feeds = {
      x: float32Tensor([1, 1, 1, 4], new Float32Array(4)),
      tables: float32Tensor([2, 2], new Float32Array(4)),
      positions: { dtype: "int64", dims: [1, 1], data: BigInt64Array.of(9n) } as const,
    };
    await expect(program.run(feeds)).rejects.toMatchObject({ details: { node: "attention/RotaryEmbedding" } });
  });

  it("name the node while compiling", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float64", ["n"]);
    const y = graph.within("mlp", () => g.erf(x));
    await expect(start(graph, { y })).rejects.toMatchObject({
      code: "ENGINE",
      message: expect.stringContaining(
        'while compiling the graph at node "mlp/Erf" in scope "mlp" (Erf of "x" float64 [n])',
      ),
    });
  });
});
