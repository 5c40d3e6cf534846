/** @file The 16-bit float formats against arithmetic that shares no bit trick with them. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { narrowToBfloat16, narrowToFloat16, widenBfloat16, widenFloat16 } from "./sixteen-bit-floats.js";

const allPatterns = Uint16Array.from({ length: 0x10000 }, (_, pattern) => pattern);
const allFloat16 = new Float32Array(0x10000);
widenFloat16(allPatterns, allFloat16);
const allBfloat16 = new Float32Array(0x10000);
widenBfloat16(allPatterns, allBfloat16);

/** The value of a binary format by its definition: (−1)^sign · 2^(exponent − bias) · fraction. */
function definedValue(pattern: number, exponentBits: number, fractionBits: number): number {
  const sign = pattern >= 0x8000 ? -1 : 1;
  const top = 2 ** exponentBits - 1;
  const exponent = Math.floor(pattern / 2 ** fractionBits) % (top + 1);
  const fraction = (pattern % 2 ** fractionBits) / 2 ** fractionBits;
  const bias = (top - 1) / 2;
  if (exponent === top) return fraction === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? sign * 2 ** (1 - bias) * fraction : sign * 2 ** (exponent - bias) * (1 + fraction);
}

/** The pattern whose value is nearest; of two equally near ones the even. Searches values, knows no bits. */
function nearestPattern(value: number, valuesUpward: ArrayLike<number>, infinity: number): number {
  const magnitude = Math.abs(value);
  let low = 0;
  let high = infinity;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (valuesUpward[middle]! <= magnitude) low = middle;
    else high = middle;
  }
  // Above the largest finite value the next step of the grid stands for infinity.
  const upper = high === infinity ? 2 * valuesUpward[low]! - valuesUpward[low - 1]! : valuesUpward[high]!;
  const below = magnitude - valuesUpward[low]!;
  const above = upper - magnitude;
  const nearest = below < above || (below === above && low % 2 === 0) ? low : high;
  return nearest + (value < 0 || Object.is(value, -0) ? 0x8000 : 0);
}

const finiteFloat32 = fc
  .oneof(fc.integer({ min: 0, max: 0xffffffff }), nearHalfway(0xffff), nearHalfway(0x1fff))
  .map((bits) => new Float32Array(Uint32Array.of(bits).buffer)[0]!)
  .filter(Number.isFinite);

/** float32 patterns at, just below and just above the middle between two 16-bit values. */
function nearHalfway(lowMask: number): fc.Arbitrary<number> {
  return fc
    .tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: -1, max: 1 }))
    .map(([bits, step]) => (((bits & ~lowMask) | ((lowMask + 1) / 2)) + step) >>> 0);
}

describe("widenFloat16", () => {
  it("gives all 65,536 patterns the value that IEEE 754 defines", () => {
    const wrong = [...allPatterns].filter((pattern) => !Object.is(allFloat16[pattern], definedValue(pattern, 5, 10)));
    expect(wrong).toEqual([]);
  });

  it("keeps the payload of a NaN", () => {
    const target = new Float32Array(1);
    widenFloat16(Uint16Array.of(0xfe01), target);
    expect(new Uint32Array(target.buffer)[0]).toBe(0xffc02000);
  });
});

describe("widenBfloat16", () => {
  it("gives all 65,536 patterns their defined value", () => {
    const wrong = [...allPatterns].filter((pattern) => !Object.is(allBfloat16[pattern], definedValue(pattern, 8, 7)));
    expect(wrong).toEqual([]);
  });
});

describe.each([
  { name: "narrowToFloat16", narrow: narrowToFloat16, widened: allFloat16, infinity: 0x7c00, largest: 65504 },
  {
    name: "narrowToBfloat16",
    narrow: narrowToBfloat16,
    widened: allBfloat16,
    infinity: 0x7f80,
    largest: 3.38953139e38,
  },
])("$name", ({ narrow, widened, infinity, largest }) => {
  const target = new Uint16Array(1);

  it("rounds to the nearest value, ties to even", () => {
    fc.assert(
      fc.property(finiteFloat32, (value) => {
        const overflow = narrow(Float32Array.of(value), target);
        const expected = nearestPattern(value, widened, infinity);
        expect(target[0]).toBe(expected);
        expect(overflow).toBe((expected & 0x7fff) === infinity ? 0 : -1);
      }),
      { numRuns: 5000, seed: 1 },
    );
  });

  it("returns every 16-bit value unchanged, infinities included", () => {
    const patterns = allPatterns.filter((pattern) => !Number.isNaN(widened[pattern]));
    const narrowed = new Uint16Array(patterns.length);
    expect(
      narrow(
        Float32Array.from(patterns, (pattern) => widened[pattern]!),
        narrowed,
      ),
    ).toBe(-1);
    expect(narrowed).toEqual(patterns);
  });

  it("keeps a NaN a NaN, whatever its payload", () => {
    for (const bits of [0x7f800001, 0x7fffffff, 0xffffffff, 0xff800001]) {
      narrow(new Float32Array(Uint32Array.of(bits).buffer), target);
      expect(widened[target[0]!]).toBeNaN();
    }
  });

  it("reports the first finite value that would become infinite", () => {
    const beyond = new Uint16Array(3);
    const tooLarge = Math.fround(largest * 1.003);
    expect(narrow(Float32Array.of(Infinity, largest, -tooLarge), beyond)).toBe(2);
  });
});
