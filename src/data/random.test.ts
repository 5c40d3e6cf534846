import { describe, expect, it } from "vitest";
import { createRandom, restoreRandom, shuffle } from "./random.js";

const take = (random: { nextUint32(): number }, count: number) =>
  Array.from({ length: count }, () => random.nextUint32());

describe("createRandom", () => {
  it("is xoshiro128**: the first numbers of the authors' code from the state 1, 2, 3, 4", () => {
    expect(take(restoreRandom([1, 2, 3, 4]), 4)).toEqual([11520, 0, 5927040, 70819200]);
  });

  it("repeats itself by seed and stream, and differs between them", () => {
    expect(take(createRandom(7, 2), 5)).toEqual(take(createRandom(7, 2), 5));
    const starts = [createRandom(7), createRandom(8), createRandom(7, 1), createRandom(7 + 2 ** 32), createRandom(-7)];
    expect(new Set(starts.map((random) => random.nextUint32())).size).toBe(starts.length);
  });

  it("continues from a saved state that went through JSON", () => {
    const random = createRandom(3);
    take(random, 10);
    const saved = JSON.parse(JSON.stringify(random.state()));
    expect(take(restoreRandom(saved), 10)).toEqual(take(random, 10));
  });

  it("spreads evenly over an interval and over a range of integers", () => {
    const random = createRandom(11);
    const counts = new Array<number>(6).fill(0);
    let sum = 0;
    for (let i = 0; i < 60_000; i++) {
      counts[random.nextBelow(6)]!++;
      sum += random.nextFloat();
    }
    expect(Math.abs(sum / 60_000 - 0.5)).toBeLessThan(0.005); // 4 standard errors: 4 · 0.289 / √60000
    const chiSquared = counts.reduce((total, count) => total + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquared).toBeLessThan(20.5); // 5 degrees of freedom, 1 in 1000
  });
});

describe("shuffle", () => {
  it("gives every order of three items about equally often", () => {
    const random = createRandom(5);
    const counts = new Map<string, number>();
    for (let i = 0; i < 12_000; i++) {
      const items = [0, 1, 2];
      shuffle(items, random);
      counts.set(items.join(""), (counts.get(items.join("")) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(4 * Math.sqrt(2000 * (5 / 6)));
  });
});
