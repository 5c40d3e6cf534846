/** @file The recovered share of a gap, by hand and over resamples. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { performanceGap } from "./performance-gap.js";

/** Two rows of data of two tokens each, then as many as one wants. */
const clusters = [0, 0, 2, 2];
const weak = [-4, -2, -3, -3];

describe("performanceGap", () => {
  it("is (student − weak) / (ceiling − weak) of the means", () => {
    const gap = performanceGap({ weak, student: [-3, -2, -2, -2], ceiling: [-2, -2, -1, -1], clusters })!;
    expect(gap.gap.value).toBeCloseTo((2 + 0 + 2 + 2) / 4, 12);
    expect(gap.recovered!.value).toBeCloseTo((1 + 0 + 1 + 1) / (2 + 0 + 2 + 2), 12);
    // Either row of data alone gives one half, and so does every resample.
    expect([gap.recovered!.low!, gap.recovered!.high!]).toBeAllClose([0.5, 0.5]);
  });

  it("is 0, never less, for a student that is worse than its weak teacher", () => {
    const { recovered } = performanceGap({ weak, student: [-5, -5, -5, -5], ceiling: [-2, -1, -1, -1], clusters })!;
    expect(recovered).toEqual({ value: 0, low: 0, high: 0 });
  });

  it("may be above 1", () => {
    const { recovered } = performanceGap({ weak, student: [-1, -1, -1, -1], ceiling: [-3, -1, -2, -2], clusters })!;
    expect(recovered!.value).toBeCloseTo(2, 12);
  });

  it("is not claimed where the ceiling is no better than the weak teacher", () => {
    expect(performanceGap({ weak, student: weak, ceiling: weak, clusters })!.recovered).toBeNull();
    const worse = performanceGap({ weak, student: [-1, -1, -1, -1], ceiling: [-4, -2, -3, -3.5], clusters })!;
    expect(worse.gap.value).toBeLessThan(0);
    expect(worse.recovered).toBeNull();
  });

  it("has no interval where the gap itself may be chance, or there is one row of data", () => {
    const mixed = performanceGap({ weak, student: [-3, -2, -3, -3], ceiling: [-1, -2, -4, -3], clusters })!;
    expect(mixed.recovered).toEqual({ value: 0.5, low: null, high: null });
    const single = performanceGap({ weak, student: weak, ceiling: [0, 0, 0, 0], clusters: [3, 3, 3, 3] })!;
    expect(single.recovered).toEqual({ value: 0, low: null, high: null });
  });

  it("is null where nothing was measured", () => {
    expect(performanceGap({ weak: [], student: [], ceiling: [], clusters: [] })).toBeNull();
  });

  it("has an interval around its value, at most as wide with every row of data twice", () => {
    const values = fc.array(fc.double({ min: 0.1, max: 3, noNaN: true }), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(values, values, (gains, gaps) => {
        const none = gaps.map(() => 0);
        const rows = gaps.map((_, i) => i % 30);
        const { recovered } = performanceGap({ weak: none, student: gains, ceiling: gaps, clusters: rows })!;
        expect(recovered!.low!).toBeLessThanOrEqual(recovered!.value);
        expect(recovered!.high!).toBeGreaterThanOrEqual(recovered!.value);
        const twice = (list: readonly number[]) => [...list, ...list];
        const more = performanceGap({
          weak: twice(none),
          student: twice(gains),
          ceiling: twice(gaps),
          clusters: [...rows, ...rows.map((row) => row + 30)],
        })!;
        expect(more.recovered!.value).toBeCloseTo(recovered!.value, 10);
        const width = ({ low, high }: { low: number | null; high: number | null }) => high! - low!;
        expect(width(more.recovered!)).toBeLessThanOrEqual(width(recovered!));
      }),
      { numRuns: 30, seed: 20251128 },
    );
  });
});
