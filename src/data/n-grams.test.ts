/** @file A text's n-grams as rows of a table. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nGramIds } from "./n-grams.js";

const words = { buckets: 64, wordNGrams: 2, characterNGrams: undefined };

describe("nGramIds", () => {
  it("begins every text with row 0, which no n-gram has", () => {
    expect([...nGramIds("", words, 9).ids]).toEqual([0]);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const { ids } = nGramIds(text, { ...words, characterNGrams: [2, 3] }, 1000);
        expect(ids[0]).toBe(0);
        expect(ids.slice(1).every((id) => id >= 1 && id < 64)).toBe(true);
      }),
      { seed: 20261128 },
    );
  });

  it("has a row per word and per pair of neighbours, whatever their capitals", () => {
    const { ids } = nGramIds("Free money", words, 100);
    expect(ids).toHaveLength(4);
    expect([...nGramIds("free  MONEY", words, 100).ids]).toEqual([...ids]);
    expect(nGramIds("money", words, 100).ids[1]).toBe(ids[2]);
  });

  it("reads a long text from its start, and says so", () => {
    const whole = nGramIds("one two three", words, 100);
    const cut = nGramIds("one two three", words, 3);
    expect(whole.isCut).toBe(false);
    expect(cut.isCut).toBe(true);
    expect([...cut.ids]).toEqual([...whole.ids.slice(0, 3)]);
  });
});
