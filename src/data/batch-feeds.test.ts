import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ResponseRows } from "./batch.js";
import { chunkRows } from "./batch-feeds.js";

function rowsOf(count: number): ResponseRows {
  const numbers = Int32Array.from({ length: count }, (_, row) => row + 1);
  const weights = new Float32Array(count).fill(1);
  return {
    count,
    studentIndex: numbers,
    teacherIndex: numbers,
    targetIds: numbers,
    weights,
    documents: numbers,
    offsets: numbers,
  };
}

describe("chunkRows", () => {
  it("cuts rows into as few chunks as hold them, in order, and fills up 32 rows of each at most", () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.integer({ min: 1, max: 1024 }), (count, most) => {
        const { chunks, chunkRows: size, feeds } = chunkRows(rowsOf(count), most);
        expect(chunks).toBe(Math.max(1, Math.ceil(count / most)));
        expect(size).toBeLessThanOrEqual(most);
        expect(chunks * size).toBeGreaterThanOrEqual(count);
        expect(chunks * size - count).toBeLessThanOrEqual(chunks * 32);
        expect(feeds.targetIds!.dims).toEqual([chunks, size]);
        expect([...feeds.targetIds!.data.slice(0, count)]).toEqual([...rowsOf(count).targetIds]);
        expect(feeds.rowWeights!.data.filter((weight) => weight === 1)).toHaveLength(count);
      }),
    );
  });

  it("scales the weights of rows with ground truth, and those alone", () => {
    const { feeds } = chunkRows(rowsOf(3), 2, 0.5);
    expect(feeds.targetWeights!.data).toEqual(Float32Array.of(0.5, 0.5, 0.5, 0));
    expect(feeds.rowWeights!.data).toEqual(Float32Array.of(1, 1, 1, 0));
  });
});
