import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jaccard, makeNearDuplicates, type ShingledRow } from "./near-duplicates.js";

/** Rows that have lost each a few of the same shingles, so that many pairs are near each other. */
const lost = fc.uniqueArray(fc.integer({ min: 0, max: 29 }), { maxLength: 6 });
const rows = fc.array(
  fc
    .tuple(lost, lost)
    .map(([prompt, response]): ShingledRow => ({ prompt: without(prompt), response: without(response) })),
  { minLength: 2, maxLength: 12 },
);

function without(lost: readonly number[]): ReadonlySet<number> {
  const all = Array.from({ length: 30 }, (_, i) => i);
  return new Set(all.filter((i) => !lost.includes(i)).map((i) => ((i + 1) * 2654435761) >>> 0));
}

describe("makeNearDuplicates", () => {
  it("finds what comparing with every remembered row finds", () => {
    let [pairs, missed] = [0, 0];
    fc.assert(
      fc.property(rows, fc.constantFrom(0.7, 0.8, 0.9, 1), (all, similarity) => {
        const near = makeNearDuplicates(similarity);
        const known: ShingledRow[] = [];
        for (const row of all) {
          const found = near.find(row);
          const similarities = known.map((other) =>
            Math.min(jaccard(row.prompt, other.prompt), jaccard(row.response, other.response)),
          );
          const most = Math.max(0, ...similarities);
          if (found !== undefined) expect(found).toBeGreaterThanOrEqual(similarity);
          if (most >= similarity) {
            pairs++;
            if (found === undefined) missed++;
          }
          near.remember(row);
          known.push(row);
        }
      }),
      { seed: 1, numRuns: 100 },
    );
    expect(pairs).toBeGreaterThan(100);
    expect(missed / pairs).toBeLessThan(0.01);
  });

  it("finds an equal row whatever its size", () => {
    const near = makeNearDuplicates(1);
    const none: ShingledRow = { prompt: new Set(), response: new Set() };
    expect(near.find(none)).toBeUndefined();
    near.remember(none);
    expect(near.find(none)).toBe(1);
  });
});
