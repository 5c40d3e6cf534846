import { afterAll, describe, expect, it } from "vitest";
import { draw } from "../../test/support/gradient-cases/gradient-case.js";
import { numbersOf, runGraph } from "../../test/support/run-graph.js";
import { Graph, type Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { checkGradients } from "../runtime/check-gradients.js";
import { liveProgramsForTests } from "../runtime/executor.js";
import { gradients } from "./gradients.js";
import { recomputed } from "./recompute.js";

afterAll(() => expect(liveProgramsForTests()).toBe(0));

/** x + tanh(x·W): a residual layer. */
function layer(x: Value, weight: Value): Value {
  return g.add(x, g.tanh(g.matMul(x, weight)));
}

const feeds = { x: draw([2, 3]), first: draw([3, 3]), second: draw([3, 3]) };

/** Two layers on one input, of which `weights` get a gradient, and their loss. */
function twoLayers(recompute: boolean) {
  const graph = new Graph();
  const x = graph.input("x", "float64", [2, 3]);
  const weights = ["first", "second"].map((name) => graph.input(name, "float64", [3, 3]));
  const output = weights.reduce(
    (hidden, weight) => (recompute ? recomputed(hidden, (again) => layer(again, weight)) : layer(hidden, weight)),
    g.mul(x, 2),
  );
  return { graph, x, weights, loss: g.reduceSum(g.mul(output, output)) };
}

describe("recomputed layers", () => {
  it("give the gradient that central differences give", async () => {
    const check = await checkGradients(
      ({ x, first, second }) =>
        recomputed(
          recomputed(x, (h) => layer(h, first)),
          (h) => layer(h, second),
        ),
      { feeds },
    );
    expect(check.comparisons).toBe(6 + 9 + 9);
  });

  it("give bit for bit the gradient of layers that are kept", async () => {
    const run = async (recompute: boolean) => {
      const { graph, x, weights, loss } = twoLayers(recompute);
      return (await runGraph(graph, [loss, ...gradients(loss, [x, ...weights])], feeds)).map(numbersOf);
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it("may stand inside one another", async () => {
    await checkGradients(
      ({ x, first, second }) =>
        recomputed(x, (h) =>
          layer(
            recomputed(h, (inner) => layer(inner, first)),
            second,
          ),
        ),
      { feeds },
    );
  });

  it("emit no gradient of a weight that is not asked for", () => {
    const { graph, weights, loss } = twoLayers(true);
    const before = graph.nodes.length;
    const [gradient] = gradients(loss, [weights[1]!]);
    const products = graph.nodes.slice(before).filter(({ op }) => op === "MatMul");
    // The second layer's product again, the gradient of its input (which nobody needs, and no program runs), of its weight.
    expect(products).toHaveLength(3);
    expect(gradient!.shape).toEqual([3, 3]);
  });
});
