/** @file What predictions are hardened to, against the threshold of Burns et al. Golden: test/golden/scripts/make_weak_to_strong.py. */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countsOf, hardenToCounts } from "./class-shares.js";
import { lossInputSchema } from "./loss-input.js";
import { computeLoss } from "./loss-laboratory.js";

interface Hardened {
  readonly weak: readonly (readonly number[])[];
  readonly student: readonly (readonly number[])[];
  readonly labels: readonly number[];
  readonly counts: readonly number[];
  readonly shares: readonly number[];
  readonly loss: number;
  readonly gradient: readonly (readonly number[])[];
}

const { hardened } = JSON.parse(
  readFileSync(new URL("../../test/golden/weak-to-strong.json", import.meta.url), "utf8"),
) as { readonly hardened: readonly Hardened[] };

function logSoftmax(rows: readonly (readonly number[])[]): number[] {
  return rows.flatMap((row) => {
    const total = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
    return row.map((logit) => logit - total);
  });
}

describe("two classes", () => {
  it("are hardened as the published threshold hardens them, to its counts", () => {
    expect(hardened.length).toBeGreaterThan(10);
    for (const { student, labels, counts } of hardened) {
      expect([...hardenToCounts(logSoftmax(student), Int32Array.from(counts))]).toEqual(labels);
    }
  });

  it("get counts within one row of what the published quantile gives", () => {
    for (const { shares, counts, labels } of hardened) {
      const own = countsOf(shares, labels.length);
      expect(Math.abs(own[0]! - counts[0]!)).toBeLessThanOrEqual(1);
    }
  });

  it("make the published loss and its gradient", async () => {
    for (const { weak, student, labels, loss, gradient } of hardened) {
      const objective = { soft: { divergence: "cross-entropy", weight: 0.5 }, hard: { weight: 0.5 } };
      const input = { teacher: { logits: weak }, student: { logits: student }, targetIds: labels, objective };
      const result = await computeLoss(lossInputSchema.parse(input));
      expect([result.value, ...result.gradient.flat()]).toBeAllClose([loss, ...gradient.flat()], {
        relative: 1e-10,
        absolute: 1e-12,
      });
    }
  });
});

/** Every labelling of rows, by counting in base `classes`. */
function labellings(rows: number, classes: number): number[][] {
  return Array.from({ length: classes ** rows }, (_, code) =>
    Array.from({ length: rows }, (__, row) => Math.floor(code / classes ** row) % classes),
  );
}

describe("hardenToCounts", () => {
  const tables = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 2, max: 4 })).chain(([rows, classes]) => {
    const numbers = (length: number) =>
      fc.array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: length, maxLength: length });
    return fc.record({
      logProbs: fc.array(numbers(classes), { minLength: rows, maxLength: rows }).map(logSoftmax),
      labels: fc.array(fc.integer({ min: 0, max: classes - 1 }), { minLength: rows, maxLength: rows }),
      classes: fc.constant(classes),
    });
  });
  const total = (logProbs: readonly number[], labels: ArrayLike<number>, classes: number) =>
    Array.from(labels).reduce((sum, label, row) => sum + logProbs[row * classes + label]!, 0);
  const countLabels = (labels: ArrayLike<number>, classes: number) =>
    Int32Array.from({ length: classes }, (_, label) => Array.from(labels).filter((each) => each === label).length);

  it("gives every class its count, in the likeliest way", () =>
    fc.assert(
      fc.property(tables, ({ logProbs, labels, classes }) => {
        const counts = countLabels(labels, classes);
        const found = hardenToCounts(logProbs, counts);
        expect([...countLabels(found, classes)]).toEqual([...counts]);
        const best = labellings(labels.length, classes)
          .filter((each) => String(countLabels(each, classes)) === String(counts))
          .reduce((most, each) => Math.max(most, total(logProbs, each, classes)), Number.NEGATIVE_INFINITY);
        expect(total(logProbs, found, classes)).toBeCloseTo(best, 9);
      }),
      { numRuns: 200, seed: 20261128 },
    ));

  it("leaves the likeliest classes alone where they have the counts", () => {
    const logProbs = logSoftmax([
      [2, 0],
      [0, 1],
      [3, 1],
    ]);
    expect([...hardenToCounts(logProbs, Int32Array.of(2, 1))]).toEqual([0, 1, 0]);
  });

  it("ends where predictions are not finite", () => {
    expect(hardenToCounts([Number.NaN, Number.NaN], Int32Array.of(0, 1))).toHaveLength(1);
  });

  it("refuses counts of other rows", () => {
    expect(() => hardenToCounts([0, 0], Int32Array.of(1, 1))).toThrow(
      "hardenToCounts: logProbs must have shape [rows=2, classes=2], got 2 numbers.",
    );
  });
});

describe("countsOf", () => {
  it("adds up to the rows, each less than one from its share", () =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 2, maxLength: 6 }).filter((all) => Math.max(...all) > 0),
        fc.integer({ min: 0, max: 200 }),
        (parts, rows) => {
          const whole = parts.reduce((sum, part) => sum + part, 0);
          const shares = parts.map((part) => part / whole);
          const counts = countsOf(shares, rows);
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(rows);
          for (const [label, share] of shares.entries()) {
            expect(Math.abs(counts[label]! - share * rows)).toBeLessThan(1);
          }
        },
      ),
      { seed: 20261128 },
    ));
});
