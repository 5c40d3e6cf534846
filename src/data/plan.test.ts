import { describe, expect, it } from "vitest";
import { packFirstFit } from "./pack.js";
import { planEpoch } from "./plan.js";
import { createRandom } from "./random.js";
import type { TransferDocument } from "./transfer-set.js";

function documentsOf(lengths: readonly number[]): TransferDocument[] {
  return lengths.map((length, row) => {
    const span = { ids: new Int32Array(length), responseMask: new Uint8Array(length) };
    return {
      student: span,
      teacher: span,
      responseTokens: 0,
      responseBytes: 0,
      origin: { file: "", line: row + 1, row, key: row },
    };
  });
}

const plain = { sequenceLength: 8, packing: true, shuffle: false, seed: 0, epoch: 0 };

describe("planEpoch", () => {
  it("puts each document into the first sequence with room", () => {
    const { sequences, waste } = planEpoch(documentsOf([5, 6, 3, 2, 1, 8]), plain);
    expect(sequences).toEqual([[0, 2], [1, 3], [4], [5]]);
    expect(waste).toBeCloseTo(7 / 32, 12);
  });

  it("keeps the order of documents of equal length without shuffling", () => {
    const { sequences } = planEpoch(documentsOf(new Array(11).fill(3)), plain);
    expect(sequences.flat()).toEqual([...Array(11).keys()]);
  });

  it("gives every document its own sequence without packing", () => {
    const plan = planEpoch(documentsOf([5, 6, 3]), { ...plain, packing: false });
    expect(plan.sequences).toEqual([[0], [1], [2]]);
    expect(plan.sequenceLength).toBe(6);
    expect(plan.waste).toBeCloseTo(4 / 18, 12);
  });

  it("makes sequences as long as a document that is longer", () => {
    const plan = planEpoch(documentsOf([5, 20, 3, 12]), plain);
    expect(plan.sequenceLength).toBe(20);
    expect(plan.sequences).toEqual([[0, 2, 3], [1]]);
  });

  it("wastes less than 5 % on documents of mixed length", () => {
    const random = createRandom(1);
    const lengths = Array.from({ length: 2000 }, () => 1 + Math.floor(Math.exp(6.2 * random.nextFloat())));
    expect(planEpoch(documentsOf(lengths), { ...plain, sequenceLength: 512, shuffle: true }).waste).toBeLessThan(0.05);
  });
});

describe("packFirstFit", () => {
  it("packs a million items in seconds", () => {
    const random = createRandom(2);
    const lengths = Int32Array.from({ length: 1_000_000 }, () => 1 + random.nextBelow(400));
    const started = performance.now();
    const bins = packFirstFit(lengths, 512);
    expect(bins.reduce((sum, bin) => sum + bin.length, 0)).toBe(1_000_000);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("packs nothing into nothing, and items without length into the first bin", () => {
    expect(packFirstFit([], 4)).toEqual([]);
    expect(packFirstFit([0, 4, 0], 4)).toEqual([[0, 1, 2]]);
  });
});
