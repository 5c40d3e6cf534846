import { afterAll, describe, expect, it } from "vitest";
import { expectDerivative, expectParity, isLoweredAlike } from "../../../test/support/gradient-cases/check-parity.js";
import { buildCase, gradientCases, type Inputs } from "../../../test/support/gradient-cases/index.js";
import { numbersOf, runGraph } from "../../../test/support/run-graph.js";
import { Graph, type Value } from "../../graph/graph.js";
import type { OpName } from "../../graph/op-table.js";
import * as g from "../../graph/ops/index.js";
import { checkGradients } from "../../runtime/check-gradients.js";
import { liveProgramsForTests } from "../../runtime/executor.js";
import { float64Tensor } from "../../runtime/tensor.js";
import { gradients } from "../gradients.js";
import { gradientRules } from "./index.js";

afterAll(() => expect(liveProgramsForTests()).toBe(0));

const opsWhere = (holds: (rule: unknown) => boolean) =>
  Object.entries(gradientRules).flatMap(([op, rule]) => (holds(rule) ? [op as OpName] : []));
const withRule = opsWhere((rule) => typeof rule === "function");

describe("the table of derivative checks", () => {
  it.each(withRule)("has rows for %s, each with a node of it", (op) => {
    const rows = gradientCases.get(op) ?? [];
    expect(rows.length, `add rows for ${op} to test/support/gradient-cases/`).toBeGreaterThan(0);
    for (const row of rows) {
      const { graph } = buildCase(row, row.derivative ? "float32" : "float64");
      expect(
        graph.nodes.map((node) => node.op),
        row.name,
      ).toContain(op);
    }
  });

  it("is checked in float64 for both targets at once: no fused kernel computes in float64", () => {
    const rows = [...gradientCases.values()].flat().filter(({ derivative }) => !derivative);
    expect(rows.filter((row) => !isLoweredAlike(row, "float64")).map(({ name }) => name)).toEqual([]);
  });

  it("has no rows for ops without a rule", () => {
    expect([...gradientCases.keys()].filter((op) => !withRule.includes(op as OpName))).toEqual([]);
  });
});

for (const [op, rows] of gradientCases) {
  describe(`the derivative of ${op}`, () => {
    it.each(rows.map((row) => [row.name, row] as const))("is right for %s", async (_, row) => {
      if (row.derivative) await expectDerivative(row, row.derivative);
      else await checkGradients((inputs) => row.build(inputs as Inputs), row);
      await expectParity(row);
    });
  });
}

/** erf by its series, exact to 1e-14 for |x| ≤ 3. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

describe("the closed form that Erf is checked against", () => {
  it("is the derivative of a float64 erf, which the engine does not have", () => {
    const derivative = gradientCases.get("Erf")![0]!.derivative!;
    const points = [-2, -0.7, 0, 0.1, 1.5];
    const differences = points.map((x) => (erf(x + 1e-5) - erf(x - 1e-5)) / 2e-5);
    expect(points.map(derivative)).toBeAllClose(differences, { relative: 1e-6 });
  });
});

/** The gradient of Σ build(x) at the points `x`. */
async function gradientAt(x: readonly number[], build: (x: Value) => Value): Promise<readonly number[]> {
  const graph = new Graph();
  const input = graph.input("x", "float64", [x.length]);
  const [gradient] = gradients(g.reduceSum(build(input)), [input]);
  const [result] = await runGraph(graph, [gradient!], { x: float64Tensor([x.length], Float64Array.from(x)) });
  return numbersOf(result);
}

describe("at kinks, ties and poles, the derivative", () => {
  it("of |x| is 0 at 0", async () => {
    expect(await gradientAt([-1, 0, 1], g.abs)).toEqual([-1, 0, 1]);
  });

  it("of max(x, 0) as relu is 0 at 0", async () => {
    expect(await gradientAt([-1, 0, 1], g.relu)).toEqual([0, 0, 1]);
  });

  it("of max and min is shared by equals", async () => {
    expect(await gradientAt([1, 2, 3], (x) => g.max(x, 2))).toEqual([0, 0.5, 1]);
    expect(await gradientAt([1, 2, 3], (x) => g.min(x, 2))).toEqual([1, 0.5, 0]);
  });

  it("of a maximum over an axis is shared equally by the largest", async () => {
    expect(await gradientAt([4, 1, 4, 4], (x) => g.reduceMax(x))).toEqual([1 / 3, 0, 1 / 3, 1 / 3]);
  });

  it("of the k largest goes to the first of equals", async () => {
    expect(await gradientAt([2, 5, 5, 5], (x) => g.topK(x, 2).values)).toEqual([0, 1, 1, 0]);
  });

  it("of √x and log x is infinite at 0, and of 1/x minus infinity", async () => {
    expect(await gradientAt([0], g.sqrt)).toEqual([Number.POSITIVE_INFINITY]);
    expect(await gradientAt([0], g.log)).toEqual([Number.POSITIVE_INFINITY]);
    expect(await gradientAt([0], g.reciprocal)).toEqual([Number.NEGATIVE_INFINITY]);
  });

  it("of powers is 0, not NaN, where the exponent or the base is 0", async () => {
    expect(await gradientAt([0, 2], (x) => g.pow(x, 0))).toEqual([0, 0]);
    expect(await gradientAt([0], (x) => g.pow(x, 1))).toEqual([1]);
    expect(await gradientAt([1, 2], (x) => g.pow(g.mul(stopped(x), 0), x))).toEqual([0, 0]);
  });

  it("of a branch that is not taken is 0, though the branch is infinite there", async () => {
    expect(await gradientAt([0, 4], (x) => g.where(g.greater(x, 1), x, g.log(stopped(x))))).toEqual([0, 1]);
  });

  it("of softmax and log-softmax is 0 at logits of −∞", async () => {
    const masked = (x: Value) => g.where(g.greater(x, 0), x, Number.NEGATIVE_INFINITY);
    const chosen = (x: Value) => g.slice(x, { axis: 0, start: 0, end: 1 });
    expect((await gradientAt([1, -1, 1], (x) => chosen(g.softmax(masked(x)))))[1]).toBe(0);
    expect(await gradientAt([1, -1, 1], (x) => chosen(g.logSoftmax(masked(x))))).toBeAllClose([0.5, 0, -0.5]);
    expect(await gradientAt([1, -1, 1], (x) => g.reduceLogSumExp(masked(x)))).toBeAllClose([0.5, 0, 0.5]);
  });
});

function stopped(x: Value): Value {
  return g.stopGradient(x);
}

/** A float result that depends on x through each op whose derivative is zero. */
const stoppingOps: Readonly<Partial<Record<OpName, (x: Value) => Value>>> = {
  StopGradient: stopped,
  Sign: g.sign,
  Equal: (x) => choose(g.equal(x, 1)),
  Less: (x) => choose(g.less(x, 1)),
  LessOrEqual: (x) => choose(g.lessOrEqual(x, 1)),
  Greater: (x) => choose(g.greater(x, 1)),
  And: (x) => choose(g.and(g.less(x, 1), g.greater(x, -1))),
  Or: (x) => choose(g.or(g.less(x, 1), g.greater(x, -1))),
  Not: (x) => choose(g.not(g.less(x, 1))),
  ArgMax: (x) => g.cast(g.argMax(x), x.dtype),
  CumSum: (x) => g.cast(g.cumSum(g.cast(x, "int32"), 0), x.dtype),
  DimSize: (x) => g.cast(g.dimScalar(x, 0), x.dtype),
};

function choose(condition: Value): Value {
  return g.where(condition, condition.graph.number("float64", 2), 3);
}

describe("ops that stop gradients", () => {
  it.each(opsWhere((rule) => rule === "stops"))("%s gives zeros", async (op) => {
    const build = stoppingOps[op];
    expect(build, `add ${op} to stoppingOps`).toBeDefined();
    expect(await gradientAt([-3, 0.5, 2], build!)).toEqual([0, 0, 0]);
  });
});
