/** @file Calibration and the unigram by hand; against PyTorch in test/conformance/worth-parity.test.ts. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { documentOf } from "../../test/support/one-step.js";
import { measureCalibration } from "./calibration.js";
import { trainUnigram } from "./unigram.js";

describe("measureCalibration", () => {
  it("weighs each bin's distance by its share of the predictions", () => {
    // Three at 0.9 of which two come true, one at 0.3 that does not: ¾·|⅔ − 0.9| + ¼·0.3.
    const { expectedError, accuracy, confidence } = measureCalibration([0.9, 0.9, 0.3, 0.9], [1, 0, 0, 1])!;
    expect(expectedError).toBeCloseTo(0.75 * (0.9 - 2 / 3) + 0.25 * 0.3, 12);
    expect([accuracy, confidence]).toBeAllClose([0.5, 0.75], { relative: 1e-12 });
  });

  it("puts the ends of a bin below it, as the paper does, and 1 into the last", () => {
    const { bins } = measureCalibration([1 / 15, 1 / 15 + 1e-9, 1, 1.0000001], [0, 0, 1, 1])!;
    expect(bins.map(({ count }) => count)).toEqual([1, 1, ...new Array(12).fill(0), 2]);
  });

  it("is 0 where every bin is right as often as it expects, and null of nothing", () => {
    expect(measureCalibration([0.25, 0.25, 0.25, 0.25, 1], [1, 0, 0, 0, 1])!.expectedError).toBeCloseTo(0, 12);
    expect(measureCalibration([], [])).toBeNull();
  });

  it("is at least the distance of overall accuracy from overall confidence, and at most 1", () => {
    const predictions = fc.array(fc.tuple(fc.double({ min: 1e-6, max: 1, noNaN: true }), fc.constantFrom(0, 1)), {
      minLength: 1,
    });
    fc.assert(
      fc.property(predictions, (rows) => {
        const { expectedError, accuracy, confidence, bins } = measureCalibration(
          rows.map(([share]) => share),
          rows.map(([, hit]) => hit),
        )!;
        expect(expectedError).toBeGreaterThanOrEqual(Math.abs(accuracy - confidence) - 1e-12);
        expect(expectedError).toBeLessThanOrEqual(1);
        expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(rows.length);
      }),
    );
  });

  it("refuses lists of two lengths", () => {
    expect(() => measureCalibration([0.5], [1, 0])).toThrow("hits must have 1 entries, got 2");
  });
});

describe("trainUnigram", () => {
  it("counts learned tokens alone, and spreads the share of new ones evenly", () => {
    // Learned: 5, 5, 7; so N = 3, T = 2, V = 10.
    const unigram = trainUnigram([documentOf([1, 2], [5, 5, 7])], 10);
    expect([unigram(5), unigram(7), unigram(1)].map(Math.exp)).toBeAllClose([2.2 / 5, 1.2 / 5, 0.2 / 5], {
      relative: 1e-12,
    });
  });

  it("sums to 1 over the head, whatever the text", () => {
    const text = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(text, (ids) => {
        const unigram = trainUnigram([documentOf([0], ids)], 9);
        const sum = Array.from({ length: 9 }, (_, id) => Math.exp(unigram(id))).reduce((total, each) => total + each);
        expect(sum).toBeCloseTo(1, 12);
      }),
    );
  });

  it("is uniform without text", () => expect(trainUnigram([], 8)(3)).toBeCloseTo(-Math.log(8), 12));
});
