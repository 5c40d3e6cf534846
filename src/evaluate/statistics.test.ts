/** @file Quantiles against numpy, and bootstrap intervals against what theory and simulation say of them. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../data/random.js";
import {
  estimateMean,
  estimatePerplexity,
  estimateRatio,
  mean,
  median,
  quantile,
  sumByCluster,
  weightedMean,
} from "./statistics.js";

const numbers = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 40 });

/** A normal number from two uniform ones (Box & Muller). */
function normal(random: { nextFloat(): number }): number {
  return Math.sqrt(-2 * Math.log(1 - random.nextFloat())) * Math.cos(2 * Math.PI * random.nextFloat());
}

describe("quantile", () => {
  // numpy.quantile, default method.
  it.each([
    [[1, 2, 3, 4], 0.25, 1.75],
    [[5, 1, 9, 2.5, 7], 0.99, 8.92],
    [[5, 1, 9, 2.5, 7], 0.5, 5],
    [[3], 0.99, 3],
    [[1, 2, 3, 10], 0.5, 2.5],
    [[0.1, 0.2, 0.4, 0.8, 1.6, 3.2], 0.9, 2.4],
  ])("of %j at %f is numpy's %f", (values, fraction, expected) => {
    expect(quantile(values, fraction)).toBeCloseTo(expected, 12);
  });

  it("is the least and the greatest value at its ends and grows in between", () => {
    fc.assert(
      fc.property(
        numbers,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, a, b) => {
          expect(quantile(values, 0)).toBe(Math.min(...values.map((value) => value + 0)));
          expect(quantile(values, 1)).toBe(Math.max(...values.map((value) => value + 0)));
          expect(quantile(values, Math.min(a, b))).toBeLessThanOrEqual(quantile(values, Math.max(a, b)) + 1e-9);
        },
      ),
    );
  });

  it("leaves its input as it was", () => {
    const values = [3, 1, 2];
    expect(median(values)).toBe(2);
    expect(values).toEqual([3, 1, 2]);
  });

  it("of nothing is NaN", () => {
    expect(median([])).toBeNaN();
  });
});

describe("weightedMean", () => {
  it("is the mean where all weights are equal", () => {
    fc.assert(
      fc.property(numbers, (values) => {
        expect(
          weightedMean(
            values,
            values.map(() => 0.3),
          ),
        ).toBeCloseTo(mean(values), 9);
      }),
    );
  });

  it("counts a value as often as its weight says", () => {
    expect(weightedMean([1, 5], [3, 1])).toBe(2);
  });

  it("names the length that does not fit", () => {
    expect(() => weightedMean([1, 2], [1])).toThrow("weightedMean: weights must have 2 entries, got 1.");
  });
});

describe("sumByCluster", () => {
  it("adds weighted values by cluster and leaves the others at 0", () => {
    expect([...sumByCluster([1, 2, 3], [0, 2, 0], 4, [1, 10, 2])]).toEqual([7, 0, 20, 0]);
  });

  it("refuses a cluster that does not exist", () => {
    expect(() => sumByCluster([1], [3], 3)).toThrow("sumByCluster: clusters[0] must be between 0 and 2, got 3.");
  });
});

describe("estimateMean", () => {
  it("holds the true mean in about 95 of 100 intervals, also where the values of a cluster move together", () => {
    const random = createRandom(1);
    const trials = 300;
    let held = 0;
    for (let trial = 0; trial < trials; trial++) {
      const clusters = Array.from({ length: 240 }, (_, i) => i % 60);
      const shifts = Array.from({ length: 60 }, () => normal(random));
      const { low, high } = estimateMean(
        clusters.map((cluster) => 3 + shifts[cluster]! + 0.3 * normal(random)),
        clusters,
      )!;
      if (low! <= 3 && 3 <= high!) held++;
    }
    expect(held / trials).toBeGreaterThan(0.9);
    expect(held / trials).toBeLessThan(0.98);
  });

  it("has the width that theory gives independent values: 2 · 1.96 · σ / √n", () => {
    const random = createRandom(2);
    const values = Array.from({ length: 400 }, () => 2 * normal(random));
    const { low, high } = estimateMean(
      values,
      values.map((_, i) => i),
    )!;
    const spread = Math.sqrt(mean(values.map((value) => value ** 2)) - mean(values) ** 2);
    expect((high! - low!) / ((2 * 1.96 * spread) / 20)).toBeGreaterThan(0.92);
    expect((high! - low!) / ((2 * 1.96 * spread) / 20)).toBeLessThan(1.08);
  });

  it("returns the same interval every time", () => {
    const values = [1, 4, 2, 8];
    expect(estimateMean(values, [0, 1, 2, 3])).toEqual(estimateMean(values, [0, 1, 2, 3]));
  });

  it("lies within the means of the clusters, and holds the value", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 8, maxLength: 20 }),
        (values) => {
          const { value, low, high } = estimateMean(
            values,
            values.map((_, i) => i),
          )!;
          expect(value).toBeCloseTo(mean(values), 9);
          expect(low!).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
          expect(high!).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
          expect(low!).toBeLessThanOrEqual(high!);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("weights values, and takes no notice of one with weight 0", () => {
    expect(estimateMean([1, 5, 99], [0, 1, 2], [3, 1, 0])!.value).toBe(2);
  });

  it("has no interval where all values are of one cluster", () => {
    expect(estimateMean([1, 2, 3], [4, 4, 4])).toEqual({ value: 2, low: null, high: null });
  });

  it("is null where nothing was measured", () => {
    expect(estimateMean([], [])).toBeNull();
    expect(estimateMean([1, 2], [0, 1], [0, 0])).toBeNull();
  });
});

describe("estimatePerplexity", () => {
  it("is exp of the mean and of the ends of its interval", () => {
    const nats = [2.1, 2.9, 3.4, 1.7, 2.2, 3.0];
    const clusters = [0, 1, 2, 3, 4, 5];
    const inNats = estimateMean(nats, clusters)!;
    const perplexity = estimatePerplexity(nats, clusters)!;
    expect(perplexity.value).toBeCloseTo(Math.exp(inNats.value), 12);
    // Ends are interpolated between two resamples, before or after exp.
    expect(perplexity.low! / Math.exp(inNats.low!)).toBeCloseTo(1, 2);
    expect(perplexity.high! / Math.exp(inNats.high!)).toBeCloseTo(1, 2);
  });
});

describe("estimateRatio", () => {
  it("divides totals, not the means of the documents: bits per byte", () => {
    const bits = estimateRatio([10, 90], [10, 30], (nats) => nats / Math.LN2)!;
    expect(bits.value).toBeCloseTo(100 / 40 / Math.LN2, 12);
  });

  it("leaves out documents that were not measured", () => {
    expect(estimateRatio([4, 0, 6], [2, 0, 3])).toEqual({ value: 2, low: 2, high: 2 });
  });

  it("gives two models the same resampled documents", () => {
    const bytes = [11, 7, 23, 5];
    const one = estimateRatio([3, 9, 4, 1], bytes)!;
    const twice = estimateRatio([6, 18, 8, 2], bytes)!;
    expect(twice.low).toBeCloseTo(one.low! * 2, 12);
  });
});
