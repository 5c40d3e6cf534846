/** @file Numbers as people read them. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatCount,
  formatEstimate,
  formatFactor,
  formatInterval,
  formatNumber,
  formatPercent,
  formatSeconds,
} from "./format.js";

describe("formatNumber", () => {
  it.each([
    [0, "0"],
    [1234567, "1.2e6"],
    [4168.2, "4,168"],
    [999.96, "1,000"],
    [999.94, "999.9"],
    [161.24, "161.2"],
    [9.999, "10.0"],
    [8.421, "8.42"],
    [0.99951, "1.00"],
    [0.8421, "0.842"],
    [0.00012, "1.2e−4"],
    [1.234e-9, "1.2e−9"],
    [-0.12, "−0.120"],
    [Number.POSITIVE_INFINITY, "∞"],
    [Number.NaN, "–"],
  ])("writes %d as %s", (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  it("says the number to within half a percent", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 99_999, noNaN: true }), (value) => {
        expect(Math.abs(Number(formatNumber(value).replaceAll(",", "")) / value - 1)).toBeLessThanOrEqual(
          value < 0.1 ? 0.51 : 0.0051,
        );
      }),
    );
  });

  it("never takes more than nine characters", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(formatNumber(value).length).toBeLessThanOrEqual(9);
      }),
    );
  });
});

describe("formatEstimate and formatInterval", () => {
  it("write the interval in the value's decimals", () => {
    const estimate = { value: 161.24, low: 152.83, high: 170.11 };
    expect(formatEstimate(estimate)).toBe("161.2 ± 8.6");
    expect(formatInterval(estimate)).toBe("152.8 to 170.1");
  });

  it("say nothing of an interval that does not exist", () => {
    const estimate = { value: 8.4, low: null, high: null };
    expect(formatEstimate(estimate)).toBe("8.40");
    expect(formatInterval(estimate)).toBe("");
    expect(formatEstimate(null)).toBe("–");
  });

  it("do not write a minus before zero", () => {
    expect(formatInterval({ value: 4.2, low: -0.001, high: 9 })).toBe("0.00 to 9.00");
  });
});

describe("other formats", () => {
  it("write counts and bytes in three digits", () => {
    expect([12, 4096, 9999.6, 61_440, 999_600, 7_916_480, 134_515_008, 1.24e9].map(formatCount)).toEqual([
      "12",
      "4,096",
      "10.0k",
      "61.4k",
      "1.00M",
      "7.92M",
      "135M",
      "1.24B",
    ]);
    expect([512, 15_841_064, 538e6].map(formatBytes)).toEqual(["512 B", "15.8 MB", "538 MB"]);
  });

  it("write shares, factors and durations", () => {
    expect([0.4118, 1, 0, 0.0004].map(formatPercent)).toEqual(["41.2 %", "100.0 %", "0.0 %", "< 0.1 %"]);
    expect([5.61, 6.03, 14.2].map(formatFactor)).toEqual(["5.6", "6", "14"]);
    expect([4.21, 203.4, 59.97, 3599.7, 7439].map(formatSeconds)).toEqual([
      "4.2 s",
      "3 min 23 s",
      "1 min 00 s",
      "1 h 00 min",
      "2 h 04 min",
    ]);
  });
});
