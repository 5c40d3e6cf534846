/** @file Bits come back as they were written. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BitReader, BitWriter, readGamma, readRice, readRising, writeGamma, writeRice, writeRising } from "./bits.js";

describe("the codes of the cache", () => {
  it("read back any rising list of ids, at its end too", () => {
    const lists = fc.tuple(fc.uniqueArray(fc.nat(499), { maxLength: 60 }), fc.nat(100));
    fc.assert(
      fc.property(lists, ([ids, room]) => {
        const rising = [...ids].sort((a, b) => a - b);
        const high = 499 + room;
        const writer = new BitWriter();
        writeRising(writer, rising, 0, high);
        writeGamma(writer, 77);
        const reader = new BitReader(writer.bytes());
        expect([...readRising(reader, rising.length, 0, high)]).toEqual(rising);
        expect(readGamma(reader)).toBe(77);
      }),
    );
  });

  it("store every id of a range in no bits at all", () => {
    const writer = new BitWriter();
    const all = Array.from({ length: 96 }, (_, i) => i);
    writeRising(writer, all, 0, 95);
    expect(writer.bytes().length).toBe(0);
    expect([...readRising(new BitReader(writer.bytes()), 96, 0, 95)]).toEqual(all);
  });

  it("read back numbers of any size, one after the other", () => {
    const numbers = fc.array(fc.record({ value: fc.nat(100_000), small: fc.nat(300), shift: fc.nat(7) }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(numbers, (values) => {
        const writer = new BitWriter();
        for (const { value, small, shift } of values) {
          writeGamma(writer, value);
          writeRice(writer, small, shift);
          writer.write(value, 17);
        }
        const reader = new BitReader(writer.bytes());
        for (const { value, small, shift } of values) {
          expect([readGamma(reader), readRice(reader, shift), reader.read(17)]).toEqual([value, small, value]);
        }
      }),
    );
  });
});
