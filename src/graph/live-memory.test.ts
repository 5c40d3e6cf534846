import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitrarySteps, buildSteps } from "../../test/support/arbitrary-graphs.js";
import { Graph, type Value } from "./graph.js";
import { peakLiveBytes } from "./live-memory.js";
import * as g from "./ops/index.js";
import { requiredNodes } from "./walk.js";

/** Bytes of a float32 `[rows, 4]` at 8 rows. */
const unit = 8 * 4 * 4;

function peakOf(build: (x: Value, graph: Graph) => readonly Value[]): number {
  const graph = new Graph();
  const outputs = build(graph.input("x", "float32", ["rows", 4]), graph);
  return peakLiveBytes(graph, outputs, { rows: 8, trips: 3 }) / unit;
}

describe("the peak of live values", () => {
  it("counts what is computed, not what is fed", () => {
    expect(peakOf((x) => [g.transpose(x, [1, 0])])).toBe(1);
    expect(peakOf((x) => [x])).toBe(0);
  });

  it("frees a value after its last use", () => {
    expect(peakOf((x) => [g.transpose(g.transpose(g.transpose(x, [1, 0]), [1, 0]), [1, 0])])).toBe(2);
  });

  it("keeps a value that is used later", () => {
    const build = (x: Value) => {
      const early = g.transpose(x, [1, 0]);
      const late = g.transpose(g.transpose(early, [1, 0]), [1, 0]);
      return [g.concat([early, late], 0)];
    };
    expect(peakOf(build)).toBe(4); // both, and the result of their size together
  });

  it("lets some element-wise ops write over what nothing else needs, others not, and reshaping cost nothing", () => {
    expect(peakOf((x) => [g.softmax(g.sigmoid(g.tanh(g.transpose(x, [1, 0]))))])).toBe(1);
    expect(peakOf((x) => [g.add(g.transpose(x, [1, 0]), 1)])).toBe(2);
    expect(peakOf((x) => [g.reshape(g.exp(x), ["4*rows"])])).toBe(1);
  });

  it("holds what a loop carries twice, beside one iteration's own values", () => {
    const build = (x: Value) => {
      const trips = g.dimScalar(x, 0);
      const start = g.transpose(x, [1, 0]);
      const { carried } = g.loop(trips, "rows", [start], (_body, _iteration, [sum]) => ({
        carried: [g.transpose(g.transpose(sum!, [1, 0]), [1, 0])],
        scanned: [],
      }));
      return carried;
    };
    // The initial value, the result, what came in, the body's two, and a few bytes of counters.
    expect(peakOf(build)).toBeCloseTo(5, 0);
  });

  it("lies between the largest value and all of them together", () => {
    fc.assert(
      fc.property(arbitrarySteps, (steps) => {
        const graph = new Graph();
        const outputs = buildSteps([graph.input("x", "float64", [3, 3])], steps);
        const nodes = requiredNodes(graph, outputs).filter(({ op }) => !["Identity", "Reshape"].includes(op));
        const bytes = nodes.flatMap((node) =>
          node.outputs.map(({ shape }) => 8 * (shape as number[]).reduce((product, dim) => product * dim, 1)),
        );
        const peak = peakLiveBytes(graph, outputs, {});
        expect(peak).toBeGreaterThanOrEqual(Math.max(...nodes.map((_, i) => bytes[i]!)));
        expect(peak).toBeLessThanOrEqual(bytes.reduce((sum, each) => sum + each));
      }),
    );
  });
});
