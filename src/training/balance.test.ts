/** @file Weights by gradient norms. */

import { describe, expect, it } from "vitest";
import { addNorms, balancedWeights, noNorms } from "./balance.js";

const products = (weights: Readonly<Record<string, number>>, norms: Readonly<Record<string, number>>) =>
  Object.keys(norms).map((name) => weights[name]! * norms[name]!);

describe("balancedWeights", () => {
  it("is what was given before the first step", () => {
    expect(balancedWeights({ soft: 0.7, hard: 0.3 }, noNorms)).toEqual({ soft: 0.7, hard: 0.3 });
  });

  it("gives gradients in the ratio of the weights, and leaves their sum", () => {
    const norms = { soft: 0.02, hard: 0.5 };
    const weights = balancedWeights({ soft: 3, hard: 1 }, addNorms(noNorms, norms));
    const [soft, hard] = products(weights, norms);
    expect(soft! / hard!).toBeCloseTo(3, 9);
    expect(soft! + hard!).toBeCloseTo(3 * 0.02 + 0.5, 9);
  });

  it("leaves a weight of 0 at 0, and one term alone as it is", () => {
    const average = addNorms(noNorms, { soft: 0.2, hard: 0.5 });
    expect(balancedWeights({ soft: 0, hard: 2 }, average)).toEqual({ soft: 0, hard: 2 });
    expect(balancedWeights({ hard: 0.3 }, addNorms(noNorms, { hard: 0.07 }))).toEqual({ hard: 0.3 });
  });

  it("raises a term without gradient a hundredfold at most, against the largest", () => {
    const { soft, hard } = balancedWeights({ soft: 1, hard: 1 }, addNorms(noNorms, { soft: 0, hard: 2 }));
    expect(soft! / hard!).toBeCloseTo(100, 9);
    expect(balancedWeights({ soft: 1, hard: 1 }, addNorms(noNorms, { soft: 0, hard: 0 }))).toEqual({
      soft: 1,
      hard: 1,
    });
  });

  it("goes by the average of the steps, the last one most", () => {
    const average = [4, 2, 1].reduce((sum, soft) => addNorms(sum, { soft, hard: 1 }), noNorms);
    const expected = (0.081 * 4 + 0.09 * 2 + 0.1 * 1) / (0.081 + 0.09 + 0.1);
    const { soft, hard } = balancedWeights({ soft: 1, hard: 1 }, average);
    expect(hard! / soft!).toBeCloseTo(expected, 9);
  });
});
