import { afterAll, describe, expect, it } from "vitest";
import { draw, numbers } from "../../test/support/gradient-cases/gradient-case.js";
import type { LimbeckError } from "../errors.js";
import type { Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { checkGradients } from "./check-gradients.js";
import { liveProgramsForTests } from "./executor.js";
import { float32Tensor } from "./tensor.js";

afterAll(() => expect(liveProgramsForTests()).toBe(0));

/** x² with a gradient that is wrong by a factor, at one element only. */
function wrongSquare(x: Value, factor: readonly number[]): Value {
  const factors = x.graph.constant("float64", [factor.length], Float64Array.from(factor));
  return g.customGradient(g.mul(x, x), [x], (dY) => [g.mul(g.mul(dY, x), factors)]);
}

describe("checkGradients", () => {
  it("compares every element, and reports the worst", async () => {
    const { comparisons, worst } = await checkGradients(({ x }) => g.exp(x), { feeds: { x: draw([2, 3]) } });
    expect(comparisons).toBe(6);
    expect(worst.input).toBe("x");
    expect(worst.error).toBeLessThan(1e-2);
    expect(worst.got).toBeCloseTo(worst.expected, 8);
  });

  it("names the input, the element, both numbers and the seed where a gradient is wrong", async () => {
    const checking = checkGradients(({ right, wrong }) => g.add(right, wrongSquare(wrong, [2, 2, 2.001])), {
      feeds: { right: numbers(1, 2, 3), wrong: numbers(1, 2, 3) },
      seed: 7,
    });
    const error: LimbeckError = await checking.then(
      () => expect.fail("expected an error"),
      (reason) => reason,
    );
    expect(error).toMatchObject({ code: "GRADIENT_CHECK", details: { input: "wrong", element: [2], seed: 7 } });
    expect(error.message).toMatch(
      /^checkGradients: the gradient of "wrong" at element \[2\] must be -?[\d.]+ by central difference, got -?[\d.]+ \(seed 7\)\.$/,
    );
  });

  it("finds a gradient that is wrong by one part in a hundred thousand", async () => {
    const check = (factor: number) =>
      checkGradients(({ x }) => wrongSquare(x, [factor]), { feeds: { x: numbers(1.5) } });
    await expect(check(2.00002)).rejects.toThrow("by central difference");
    await expect(check(2)).resolves.toBeDefined();
  });

  it("checks inputs of more than 64 elements along one random direction", async () => {
    const feeds = { x: draw([65]) };
    expect((await checkGradients(({ x }) => g.tanh(x), { feeds })).comparisons).toBe(1);
    const wrong = Array.from({ length: 65 }, (_, i) => (i === 40 ? 2.1 : 2));
    await expect(checkGradients(({ x }) => wrongSquare(x, wrong), { feeds })).rejects.toThrow(
      "along a random direction",
    );
  });

  it("takes a gradient that is not a number for wrong", async () => {
    await expect(checkGradients(({ x }) => wrongSquare(x, [Number.NaN]), { feeds: { x: numbers(1) } })).rejects.toThrow(
      "got NaN",
    );
  });

  it("checks only what it is asked to, with symbolic sizes", async () => {
    const feeds = { student: draw([2, 4]), teacher: draw([2, 4]) };
    const shapes = { student: ["rows", "vocab"], teacher: ["rows", "vocab"] };
    const crossEntropy = ({ student, teacher }: { readonly student: Value; readonly teacher: Value }) =>
      g.neg(g.reduceSum(g.mul(g.softmax(teacher), g.logSoftmax(student)), { axes: [-1] }));
    const { comparisons } = await checkGradients(crossEntropy, { feeds, shapes, wrt: ["student"] });
    expect(comparisons).toBe(8);
  });

  it("refuses inputs and outputs that are not float64", async () => {
    const feeds = { x: float32Tensor([1], Float32Array.of(1)) };
    await expect(checkGradients(({ x }) => x, { feeds, wrt: ["x"] })).rejects.toThrow(
      '"x" must be float64, got float32.',
    );
    await expect(checkGradients(({ x }) => g.cast(x, "float64"), { feeds })).rejects.toThrow(
      "checkGradients: an input with elements must be float64, got none.",
    );
  });
});
