import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { arbitrarySteps, buildSteps } from "../../../test/support/arbitrary-graphs.js";
import { isLoweredAlike } from "../../../test/support/gradient-cases/check-parity.js";
import { broadcastPairs } from "../../../test/support/gradient-cases/gradient-case.js";
import { buildCase, type GradientCase, gradientCases } from "../../../test/support/gradient-cases/index.js";
import { numbersOf, runGraph } from "../../../test/support/run-graph.js";
import { pullback } from "../../autodiff/gradients.js";
import { type Feeds, liveProgramsForTests } from "../../runtime/executor.js";
import { float32Tensor } from "../../runtime/tensor.js";
import { Graph, type Value } from "../graph.js";
import * as g from "../ops/index.js";
import type { OnnxTarget } from "./lower.js";
import { type OnnxGraph, readOnnx } from "./read.js";
import { encodeOnnx, toOnnx } from "./write.js";

afterAll(() => expect(liveProgramsForTests()).toBe(0));

const targets: readonly OnnxTarget[] = ["engine", "standard"];

/** What a graph read from a file computes, in the order of the file's outputs. */
async function runRead({ graph, outputs, weights }: OnnxGraph, feeds: Feeds, target: OnnxTarget) {
  const stored = graph.inputs.flatMap(({ name, dtype, shape }) => {
    const data = weights[name];
    return data ? [[name, { dtype, dims: shape as readonly number[], data }] as const] : [];
  });
  return runGraph(graph, Object.values(outputs), { ...feeds, ...Object.fromEntries(stored) }, { target });
}

/** Writes, reads, writes that and reads it again: the last computes the same as the graph. */
async function expectRoundTrip(
  graph: Graph,
  outputs: readonly Value[],
  feeds: Feeds,
  target: OnnxTarget,
): Promise<void> {
  const first = await readOnnx(encodeOnnx(toOnnx(graph, outputs, { target }).model));
  const again = toOnnx(first.graph, Object.values(first.outputs), { target, weights: first.weights });
  const results = await runRead(await readOnnx(encodeOnnx(again.model)), feeds, target);
  const expected = await runGraph(graph, outputs, feeds, { target });
  expect(results.map(({ dtype, dims }) => ({ dtype, dims }))).toEqual(
    expected.map(({ dtype, dims }) => ({ dtype, dims })),
  );
  for (const [i, result] of results.entries()) {
    expect(numbersOf(result)).toBeAllClose(numbersOf(expected[i]), { relative: 1e-6, absolute: 1e-7 });
  }
}

/** The broadcasting grid is written the same way throughout: one of its rows is enough. */
const repeated = new Set(broadcastPairs.map(([name]) => name).slice(1));

/** The rows of each op that a target writes in a form of its own: what both write alike is tried once. */
function casesFor(target: OnnxTarget): readonly (readonly [string, readonly GradientCase[]])[] {
  return [...gradientCases].flatMap(([op, rows]) => {
    const own = rows.filter(
      (row) => !repeated.has(row.name) && (target === "standard" || !isLoweredAlike(row, "float32")),
    );
    return own.length > 0 ? [[op, own] as const] : [];
  });
}

describe.each(targets)("a graph written for the %s target and read back computes the same", (target) => {
  it.each(casesFor(target))("with %s and its gradient", async (_, rows) => {
    for (const row of rows) {
      const { graph, inputs, outputs, feeds } = buildCase(row, "float32");
      const seeds = outputs.map((output) => ({
        output,
        cotangent: g.expand(graph.number("float32", 1), output.shape),
      }));
      const wrt = row.wrt ?? Object.keys(feeds).filter((name) => feeds[name]!.dtype === "float32");
      const gradients = pullback(
        seeds,
        wrt.map((name) => inputs[name]!),
      );
      await expectRoundTrip(graph, [...outputs, ...gradients], feeds, target);
    }
  });

  it("with random ops", async () => {
    await fc.assert(
      fc.asyncProperty(arbitrarySteps, async (steps) => {
        const graph = new Graph();
        const inputs = ["a", "b"].map((name) => graph.input(name, "float32", [3, 3]));
        const [a, b] = [1, 2].map((k) =>
          float32Tensor(
            [3, 3],
            Float32Array.from({ length: 9 }, (_, i) => Math.sin(k * i)),
          ),
        );
        await expectRoundTrip(graph, buildSteps(inputs, steps), { a: a!, b: b! }, target);
      }),
      { numRuns: 20, seed: 1 },
    );
  });
});
