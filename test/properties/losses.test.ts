/** @file What holds for every divergence on any distributions, in float64. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { computeLoss, type LossResult, lossInputSchema } from "../../src/losses/index.js";

const names = ["forward-kl", "reverse-kl", "cross-entropy"] as const;
type Table = readonly (readonly number[])[];

const settings = { numRuns: 15, seed: 20250101 };

const compute = (student: Table, teacher: Table, term: object, more: object = {}): Promise<LossResult> =>
  computeLoss(
    lossInputSchema.parse({
      student: { logits: student },
      teacher: { logits: teacher },
      objective: { soft: term },
      ...more,
    }),
  );

/** Logits of both sides, up to ±30, four rows of equal width. */
const tables = fc.integer({ min: 2, max: 7 }).chain((width) => {
  const logit = fc.double({ min: -30, max: 30, noNaN: true });
  const row = fc.array(logit, { minLength: width, maxLength: width });
  const table = fc.array(row, { minLength: 4, maxLength: 4 });
  return fc.tuple(table, table);
});
const temperatures = fc.constantFrom(1, 1.5, 2, 4);

describe.each(names)("%s", (divergence) => {
  it("has a gradient that sums to 0 in every row, and nothing where masked", () =>
    fc.assert(
      fc.asyncProperty(tables, temperatures, async ([student, teacher], temperature) => {
        const { rows, gradient } = await compute(
          student,
          teacher,
          { divergence, temperature },
          { responseMask: [1, 0, 1, 1] },
        );
        for (const row of gradient) {
          const size = row.reduce((sum, slope) => sum + Math.abs(slope), 0);
          expect(Math.abs(row.reduce((sum, slope) => sum + slope, 0))).toBeLessThanOrEqual(1e-12 * Math.max(1, size));
        }
        expect(rows[1]).toBe(0);
        expect(gradient[1]!.every((slope) => slope === 0)).toBe(true);
      }),
      settings,
    ));

  it("does not change when a constant is added to a row of logits", () =>
    fc.assert(
      fc.asyncProperty(tables, fc.double({ min: -50, max: 50, noNaN: true }), async ([student, teacher], constant) => {
        const shifted = (table: Table) => table.map((row, i) => row.map((logit) => logit + constant * (i - 1)));
        const before = await compute(student, teacher, { divergence });
        const after = await compute(shifted(student), shifted(teacher), { divergence });
        expect(after.rows).toBeAllClose(before.rows, { relative: 1e-9, absolute: 1e-10 });
        expect(after.gradient.flat()).toBeAllClose(before.gradient.flat(), { relative: 1e-9, absolute: 1e-10 });
      }),
      settings,
    ));

  it("does not care about the order of the vocabulary", () =>
    fc.assert(
      fc.asyncProperty(tables, temperatures, async ([student, teacher], temperature) => {
        const reversed = (table: Table) => table.map((row) => [...row].reverse());
        const before = await compute(student, teacher, { divergence, temperature });
        const after = await compute(reversed(student), reversed(teacher), { divergence, temperature });
        expect(after.rows).toBeAllClose(before.rows, { relative: 1e-10, absolute: 1e-12 });
        expect(reversed(after.gradient).flat()).toBeAllClose(before.gradient.flat(), {
          relative: 1e-10,
          absolute: 1e-12,
        });
      }),
      settings,
    ));
});

describe.each(["forward-kl", "reverse-kl"] as const)("%s", (divergence) => {
  it("is never below 0, and 0 with no gradient where both sides agree", () =>
    fc.assert(
      fc.asyncProperty(tables, temperatures, async ([student, teacher], temperature) => {
        const apart = await compute(student, teacher, { divergence, temperature });
        expect(Math.min(...apart.rows)).toBeGreaterThanOrEqual(-1e-12);
        const agreeing = await compute(student, student, { divergence, temperature });
        expect([...agreeing.rows, ...agreeing.gradient.flat()]).toBeAllClose(
          new Array(4 + 4 * student[0]!.length).fill(0),
        );
      }),
      settings,
    ));

  it("is the other one with the sides exchanged", () =>
    fc.assert(
      fc.asyncProperty(tables, temperatures, async ([student, teacher], temperature) => {
        const other = divergence === "forward-kl" ? "reverse-kl" : "forward-kl";
        const { rows } = await compute(student, teacher, { divergence, temperature });
        const exchanged = await compute(teacher, student, { divergence: other, temperature });
        expect(exchanged.rows).toBeAllClose(rows, { relative: 1e-12, absolute: 1e-14 });
      }),
      settings,
    ));
});

describe("the objective", () => {
  it("is the weighted sum of its terms, and its rows average to its value", () =>
    fc.assert(
      fc.asyncProperty(tables, fc.double({ min: 0, max: 3, noNaN: true }), async ([student, teacher], weight) => {
        const soft = { weight, temperature: 2 };
        const more = { targetIds: [0, 1, 1, 0] };
        const { value, terms, rows } = await computeLoss(
          lossInputSchema.parse({
            student: { logits: student },
            teacher: { logits: teacher },
            objective: { soft, hard: { weight: 0.5 } },
            ...more,
          }),
        );
        expect([value]).toBeAllClose([weight * terms.soft! + 0.5 * terms.hard!], { relative: 1e-12 });
        expect([value]).toBeAllClose([rows.reduce((sum, row) => sum + row, 0) / 4], { relative: 1e-12 });
      }),
      settings,
    ));
});
