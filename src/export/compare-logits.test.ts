import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareLogits, logProbOf } from "./compare-logits.js";

const row = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 5, maxLength: 5 });

/** By the definition, one exponential after the other. */
function slowKl(a: readonly number[], b: readonly number[]): number {
  const normalizer = (x: readonly number[]) => Math.log(x.reduce((sum, value) => sum + Math.exp(value), 0));
  return a.reduce((sum, value, i) => {
    const logP = value - normalizer(a);
    return sum + Math.exp(logP) * (logP - (b[i]! - normalizer(b)));
  }, 0);
}

describe("compareLogits", () => {
  it("gives KL by its definition, and 0 of a distribution from itself", () => {
    fc.assert(
      fc.property(row, row, (a, b) => {
        const [x, y] = [Float32Array.from(a), Float32Array.from(b)];
        expect(compareLogits(x, y, 0).kl).toBeCloseTo(slowKl([...x], [...y]), 9);
        expect(
          compareLogits(
            x,
            x.map((value) => value + 4),
            0,
          ).kl,
        ).toBeLessThan(1e-5);
        expect(compareLogits(x, x, 0)).toMatchObject({ kl: expect.closeTo(0, 12), agrees: true });
      }),
    );
  });

  it("compares what both heads have, and normalizes targets over the whole head", () => {
    const [narrow, wide] = [Float32Array.of(1, 2), Float32Array.of(1, 2, 5)];
    const compared = compareLogits(narrow, wide, 1);
    expect(compared.kl).toBeCloseTo(0, 12);
    expect(compared.targetLogProb).toBeCloseTo(logProbOf(wide, 1), 12);
    expect(compared.referenceTargetLogProb).toBeCloseTo(logProbOf(narrow, 1), 12);
  });
});
