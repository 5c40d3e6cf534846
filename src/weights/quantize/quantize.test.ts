/** @file Weights in 8 and 4 bits: how far off they may be, and where each number stands. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../errors.js";
import { type BlockBits, blockSize, dequantizeBlocks, quantizeBlocks } from "./blocks.js";
import { dequantizeInt8, quantizeInt8 } from "./int8-columns.js";
import type { Int8Range } from "./int8-range.js";

/** Weights `[outputs, inputs]` of many magnitudes. */
const weights = fc
  .record({ outputs: fc.integer({ min: 1, max: 3 }), inputs: fc.integer({ min: 1, max: 70 }) })
  .chain(({ outputs, inputs }) => {
    const element = fc.oneof(
      fc.constant(0),
      fc.integer({ min: -8000, max: 8000 }).map((value) => value / 8),
      fc.double({ min: -1e-3, max: 1e-3, noNaN: true }).filter((value) => Math.abs(value) > 1e-30),
    );
    return fc
      .array(element, { minLength: outputs * inputs, maxLength: outputs * inputs })
      .map((values) => ({ outputs, inputs, weight: Float32Array.from(values) }));
  });

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function squaredError(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
}

describe.each<Int8Range>([127, 64])("quantizeInt8 within ±%i", (range) => {
  it("is off by at most half a step of each output's scale", () => {
    fc.assert(
      fc.property(weights, ({ weight, outputs, inputs }) => {
        const restored = dequantizeInt8(quantizeInt8(weight, outputs, inputs, range));
        for (const [i, value] of weight.entries()) {
          const step = largest(weight.subarray(i - (i % inputs), i - (i % inputs) + inputs)) / range;
          expect(Math.abs(restored[i]! - value)).toBeLessThanOrEqual(step * 0.50001);
        }
      }),
    );
  });

  it("lays a weight down as [inputs, outputs], scaled per output", () => {
    const { values, scales } = quantizeInt8(Float32Array.of(range, -1, 3, 0, 0, 0), 2, 3, range);
    expect(scales).toEqual(Float32Array.of(1, 1));
    expect(values).toEqual(Int8Array.of(range, 0, -1, 0, 3, 0));
  });

  it("changes nothing more when it is done again", () => {
    fc.assert(
      fc.property(weights, ({ weight, outputs, inputs }) => {
        const once = quantizeInt8(weight, outputs, inputs, range);
        expect(quantizeInt8(dequantizeInt8(once), outputs, inputs, range).values).toEqual(once.values);
      }),
    );
  });

  it("refuses a weight of another size", () => {
    expect(() => quantizeInt8(new Float32Array(5), 2, 3, range)).toThrow(ShapeError);
    expect(() => quantizeInt8(new Float32Array(5), 2, 3, range)).toThrow(
      "[outputs=2, inputs=3] must hold 6 values, got 5",
    );
  });
});

describe.each<BlockBits>([4, 8])("quantizeBlocks at %i bits", (bits) => {
  const levels = 2 ** (bits - 1);

  it("is off by at most one step in each block, and has the block's least squared error for its numbers", () => {
    fc.assert(
      fc.property(weights, ({ weight, outputs, inputs }) => {
        const restored = dequantizeBlocks(quantizeBlocks(weight, outputs, inputs, bits));
        expect(restored).toHaveLength(weight.length);
        for (let start = 0; start < weight.length; ) {
          const count = Math.min(blockSize, inputs - (start % inputs));
          const [block, got] = [weight.subarray(start, start + count), restored.subarray(start, start + count)];
          const bound = (largest(block) / levels) * 1.1;
          for (const [i, value] of block.entries()) expect(Math.abs(got[i]! - value)).toBeLessThanOrEqual(bound);
          for (const factor of [0.999, 1.001]) {
            const other = got.map((value) => value * factor);
            expect(squaredError(block, got)).toBeLessThanOrEqual(squaredError(block, other) * 1.0001);
          }
          start += count;
        }
      }),
    );
  });

  it("keeps whole numbers of steps as they are where the lowest one is among them", () => {
    const block = Float32Array.from({ length: blockSize }, (_, i) => ((i % (2 * levels)) - levels) / 4);
    for (const sign of [1, -1]) {
      const weight = block.map((value) => value * sign);
      expect(dequantizeBlocks(quantizeBlocks(weight, 1, blockSize, bits))).toEqual(weight);
    }
  });

  it("gives a block of zeros the scale 0", () => {
    const { values, scales } = quantizeBlocks(new Float32Array(blockSize), 1, blockSize, bits);
    expect(scales).toEqual(Float32Array.of(0));
    expect(new Set(values)).toEqual(new Set([bits === 4 ? 0x88 : 0x80]));
  });

  it("refuses a weight of another size", () => {
    expect(() => quantizeBlocks(new Float32Array(5), 2, 3, bits)).toThrow(ShapeError);
  });
});

describe("quantizeBlocks", () => {
  it("puts the first of two elements into the low half of their byte, and fills the last block up with 0", () => {
    const { values, scales } = quantizeBlocks(Float32Array.of(-8, 1, 7), 1, 3, 4);
    expect(scales).toEqual(Float32Array.of(1));
    expect([...values]).toEqual([0x90, 0x8f, ...Array(14).fill(0x88)]);
  });

  it("begins a new block in every row", () => {
    const weight = Float32Array.from({ length: 80 }, (_, i) => (i < 40 ? -8 : -16));
    const { values, scales } = quantizeBlocks(weight, 2, 40, 8);
    expect(values).toHaveLength(2 * 2 * 32);
    expect(scales).toEqual(Float32Array.of(8 / 128, 8 / 128, 16 / 128, 16 / 128));
  });
});
