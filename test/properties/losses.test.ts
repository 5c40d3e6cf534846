/** @file What holds for every divergence on any distributions, in float64. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { computeLoss, type LossResult, lossInputSchema } from "../../src/losses/index.js";
import { divergenceNames } from "../../src/losses/registry.js";

/** Every divergence, with options away from its defaults where it has some. */
const terms: Readonly<Record<string, object>> = {
  "forward-kl": {},
  "reverse-kl": {},
  "cross-entropy": {},
  "symmetric-kl": {},
  jsd: { teacherWeight: 0.3 },
  "skew-kl": { skew: 0.2 },
  "skew-reverse-kl": { skew: 0.2 },
  tvd: {},
  "alpha-beta": { teacherExponent: 0.7, studentExponent: 0.4 },
  "logits-mse": {},
  ranking: { topK: 3, form: "logistic" },
  "hard-labels": {},
};
const names = Object.keys(terms);
/** Those that measure a distance: not the cross-entropies, whose least value is not 0, nor ranking. */
const distances = names.filter((name) => !["cross-entropy", "hard-labels", "ranking"].includes(name));
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

describe("the properties", () => {
  it("are checked for every divergence that ships", () => {
    expect(divergenceNames()).toEqual(expect.arrayContaining(names));
    expect(divergenceNames()).toHaveLength(names.length);
  });
});

describe.each(names)("%s", (divergence) => {
  const term = { divergence, ...terms[divergence] };

  it("has a gradient that sums to 0 in every row, and nothing where masked", () =>
    fc.assert(
      fc.asyncProperty(tables, temperatures, async ([student, teacher], temperature) => {
        const { rows, gradient } = await compute(
          student,
          teacher,
          { ...term, temperature },
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
        const before = await compute(student, teacher, term);
        const after = await compute(shifted(student), shifted(teacher), term);
        expect(after.rows).toBeAllClose(before.rows, { relative: 1e-9, absolute: 1e-10 });
        expect(after.gradient.flat()).toBeAllClose(before.gradient.flat(), { relative: 1e-9, absolute: 1e-10 });
      }),
      settings,
    ));

  it("does not care about the order of the vocabulary", () =>
    fc.assert(
      fc.asyncProperty(tables, temperatures, async ([student, given], temperature) => {
        // Which of two equally likely tokens comes first is decided by their ids, so that none are.
        const isolate = (z: number, id: number) => Math.round(z * 1e3) / 1e3 + id * 1e-5;
        const isOrdered = divergence === "ranking" || divergence === "hard-labels";
        const teacher = isOrdered ? given.map((row) => row.map(isolate)) : given;
        const reversed = (table: Table) => table.map((row) => [...row].reverse());
        const before = await compute(student, teacher, { ...term, temperature });
        const after = await compute(reversed(student), reversed(teacher), { ...term, temperature });
        expect(after.rows).toBeAllClose(before.rows, { relative: 1e-10, absolute: 1e-12 });
        expect(reversed(after.gradient).flat()).toBeAllClose(before.gradient.flat(), {
          relative: 1e-10,
          absolute: 1e-12,
        });
      }),
      settings,
    ));
});

describe.each(distances)("%s", (divergence) => {
  const term = { divergence, ...terms[divergence] };

  it("is never below 0, and 0 with no gradient where both sides agree", () =>
    fc.assert(
      fc.asyncProperty(tables, temperatures, async ([student, teacher], temperature) => {
        const apart = await compute(student, teacher, { ...term, temperature });
        expect(Math.min(...apart.rows)).toBeGreaterThanOrEqual(-1e-12);
        const agreeing = await compute(student, student, { ...term, temperature });
        expect([...agreeing.rows, ...agreeing.gradient.flat()]).toBeAllClose(
          new Array(4 + 4 * student[0]!.length).fill(0),
        );
      }),
      settings,
    ));
});

/** A divergence with the sides exchanged is another one, or itself. */
const exchanges: readonly (readonly [object, object])[] = [
  [{ divergence: "forward-kl" }, { divergence: "reverse-kl" }],
  [{ divergence: "symmetric-kl" }, { divergence: "symmetric-kl" }],
  [{ divergence: "tvd" }, { divergence: "tvd" }],
  [{ divergence: "logits-mse" }, { divergence: "logits-mse" }],
  [{ divergence: "jsd" }, { divergence: "jsd" }],
  [
    { divergence: "jsd", teacherWeight: 0.2 },
    { divergence: "jsd", teacherWeight: 0.8 },
  ],
  [
    { divergence: "skew-kl", skew: 0.2 },
    { divergence: "skew-reverse-kl", skew: 0.2 },
  ],
  [
    { divergence: "alpha-beta", teacherExponent: 0.7, studentExponent: 0.4 },
    { divergence: "alpha-beta", teacherExponent: 0.4, studentExponent: 0.7 },
  ],
];

describe.each(exchanges)("%j", (one, other) => {
  it(`is ${JSON.stringify(other)} with the sides exchanged`, () =>
    fc.assert(
      fc.asyncProperty(tables, temperatures, async ([student, teacher], temperature) => {
        const { rows } = await compute(student, teacher, { ...one, temperature });
        const exchanged = await compute(teacher, student, { ...other, temperature });
        expect(exchanged.rows).toBeAllClose(rows, { relative: 1e-12, absolute: 1e-14 });
      }),
      settings,
    ));
});

/** Largest value at temperature 1, wherever the two sides are. */
const bounds: readonly (readonly [object, number])[] = [
  [{ divergence: "jsd" }, Math.LN2],
  [{ divergence: "jsd", teacherWeight: 0.1 }, -0.1 * Math.log(0.1) - 0.9 * Math.log(0.9)],
  [{ divergence: "tvd" }, 1],
  [{ divergence: "skew-kl", skew: 0.1 }, -Math.log(0.1)],
  [{ divergence: "skew-reverse-kl", skew: 0.3 }, -Math.log(0.3)],
  [{ divergence: "alpha-beta" }, 4],
];

describe.each(bounds)("%j", (term, bound) => {
  it(`is never above ${bound.toFixed(3)}`, () =>
    fc.assert(
      fc.asyncProperty(tables, async ([student, teacher]) => {
        const { rows } = await compute(student, teacher, term);
        expect(Math.max(...rows)).toBeLessThanOrEqual(bound * (1 + 1e-12));
      }),
      settings,
    ));
});

/** Where one divergence becomes another: values and gradients agree to the order of the step. */
const limits: readonly (readonly [object, object, number])[] = [
  [{ divergence: "skew-kl", skew: 0 }, { divergence: "forward-kl" }, 1e-12],
  [{ divergence: "alpha-beta", teacherExponent: 1, studentExponent: 0 }, { divergence: "forward-kl" }, 1e-12],
  [{ divergence: "alpha-beta", teacherExponent: 0, studentExponent: 1 }, { divergence: "reverse-kl" }, 1e-12],
  [
    { divergence: "alpha-beta", teacherExponent: 1, studentExponent: 1e-5 },
    { divergence: "alpha-beta", teacherExponent: 1, studentExponent: 0 },
    1e-2,
  ],
  [
    { divergence: "alpha-beta", teacherExponent: 1e-5, studentExponent: 1 },
    { divergence: "alpha-beta", teacherExponent: 0, studentExponent: 1 },
    1e-2,
  ],
];

describe.each(limits)("%j", (one, other, tolerance) => {
  it(`is, or comes close to, ${JSON.stringify(other)}`, () =>
    fc.assert(
      fc.asyncProperty(tables, async ([student, teacher]) => {
        const [near, limit] = [await compute(student, teacher, one), await compute(student, teacher, other)];
        const close = { relative: tolerance, absolute: tolerance };
        expect(near.rows).toBeAllClose(limit.rows, close);
        expect(near.gradient.flat()).toBeAllClose(limit.gradient.flat(), close);
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
