import { describe, expect, it } from "vitest";
import { KeyValueCache } from "./key-value-cache.js";

const shape = { layers: 1, keyValueHeads: 2, headDim: 1 };

/** Adds tokens whose keys, of head h, are `first + i + h / 2`; values are negative keys. */
function add(cache: KeyValueCache, counts: readonly number[], first: number): void {
  const tokens = Math.max(...counts);
  const rows: number[] = [];
  for (const sign of [1, -1]) {
    for (const [sequence] of counts.entries()) {
      for (const head of [0, 1]) {
        for (let i = 0; i < tokens; i++) rows.push(sign * (100 * sequence + first + i + head / 2));
      }
    }
  }
  cache.reserve(counts);
  cache.append(counts, Float32Array.from(rows));
}

/** Keys of head 1 in the slots that are not empty, per sequence. */
function held(cache: KeyValueCache): number[][] {
  const feeds = cache.feeds();
  const { dims, data } = feeds["past.keys.0"]!;
  const documents = feeds["past.documents"]!.data;
  const [sequences, heads, slots] = dims as [number, number, number];
  return Array.from({ length: sequences }, (_, sequence) =>
    Array.from({ length: slots }, (_, slot) => slot)
      .filter((slot) => documents[sequence * slots + slot] === 0)
      .map((slot) => data[(sequence * heads + 1) * slots + slot] as number),
  );
}

describe("KeyValueCache", () => {
  it("writes each sequence's rows behind its own, and marks them as held", () => {
    const cache = new KeyValueCache(shape, 2);
    add(cache, [1, 3], 1);
    add(cache, [2, 0], 7);
    expect(cache.lengths).toEqual([3, 3]);
    expect(held(cache)).toEqual([
      [1.5, 7.5, 8.5],
      [101.5, 102.5, 103.5],
    ]);
    expect(Array.from(cache.feeds()["past.values.0"]!.data.subarray(0, 3) as Float32Array)).toEqual([-1, -7, -8]);
  });

  it("feeds the same tensors until it grows, and grows seldom", () => {
    const cache = new KeyValueCache(shape, 1);
    let growths = 0;
    let before: unknown;
    for (let i = 0; i < 4096; i++) {
      add(cache, [1], i);
      if (cache.feeds()["past.keys.0"] !== before) growths++;
      before = cache.feeds()["past.keys.0"];
    }
    expect(growths).toBeLessThan(25);
    expect(held(cache)[0]).toEqual(Array.from({ length: 4096 }, (_, i) => i + 0.5));
  });

  it("keeps some sequences, and one several times: a beginning that many share", () => {
    const cache = new KeyValueCache(shape, 3);
    add(cache, [1, 2, 3], 1);
    cache.keep([2, 0]);
    expect(held(cache)).toEqual([[201.5, 202.5, 203.5], [1.5]]);
    cache.keep([1, 1, 1]);
    add(cache, [1, 0, 2], 5);
    expect(cache.lengths).toEqual([2, 1, 3]);
    expect(held(cache)).toEqual([[1.5, 5.5], [1.5], [1.5, 205.5, 206.5]]);
  });
});
