/** @file The terms of weak-to-strong learning against PyTorch in float64. Golden: test/golden/scripts/make_weak_to_strong.py. */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lossInputSchema } from "./loss-input.js";
import { computeLoss, type LossResult } from "./loss-laboratory.js";

const golden = JSON.parse(readFileSync(new URL("../../test/golden/weak-to-strong.json", import.meta.url), "utf8")) as {
  readonly losses: readonly { readonly name: string; readonly input: unknown; readonly expected: LossResult }[];
};

const compute = (input: unknown): Promise<LossResult> => computeLoss(lossInputSchema.parse(input));
const close = { relative: 1e-10, absolute: 1e-12 };

describe("weak labels and confidence, as two terms", () => {
  it.each(golden.losses)("are the one mixed target of Burns et al.: $name", async ({ input, expected }) => {
    const result = await compute(input);
    expect([result.value, ...Object.values(result.terms)]).toBeAllClose(
      [expected.value, ...Object.values(expected.terms)],
      close,
    );
    expect(Object.keys(result.terms)).toEqual(Object.keys(expected.terms));
    expect(result.rows).toBeAllClose(expected.rows, close);
    expect(result.gradient.flat()).toBeAllClose(expected.gradient.flat(), close);
  });
});

/** Two tables of three rows whose logits are so far apart that a small step moves no maximum. */
const tables = fc.integer({ min: 2, max: 6 }).chain((width) => {
  const row = fc
    .shuffledSubarray(
      Array.from({ length: width }, (_, i) => i),
      { minLength: width },
    )
    .map((ranks) => ranks.map((rank) => rank * 0.7 - 1));
  const table = fc.array(row, { minLength: 3, maxLength: 3 });
  return fc.tuple(table, table);
});

describe.each([
  ["hard-labels", { soft: { divergence: "hard-labels" } }],
  ["confidence", { sure: { kind: "confidence" } }],
])("%s", (_, objective) => {
  it("has the gradient that finite differences find, which sums to 0 in every row", () =>
    fc.assert(
      fc.asyncProperty(tables, async ([student, teacher]) => {
        const at = async (logits: readonly (readonly number[])[]) =>
          compute({ student: { logits }, teacher: { logits: teacher }, objective });
        const { gradient } = await at(student);
        for (const row of gradient) expect(Math.abs(row.reduce((sum, slope) => sum + slope, 0))).toBeLessThan(1e-12);
        const nudged = async (size: number) =>
          (await at(student.map((row, r) => row.map((logit, i) => (r === 1 && i === 0 ? logit + size : logit))))).value;
        const difference = ((await nudged(1e-5)) - (await nudged(-1e-5))) / 2e-5;
        expect([gradient[1]![0]!]).toBeAllClose([difference], { relative: 1e-6, absolute: 1e-9 });
      }),
      { numRuns: 10, seed: 20251128 },
    ));
});

describe("hard labels of a teacher known by its top-k", () => {
  it("are refused, because the tail may be the likeliest", async () => {
    const topK = { ids: [[2]], logProbs: [[Math.log(0.3)]] };
    const input = {
      student: { logits: [[1, 2, 3, 4]] },
      teacher: { topK },
      objective: { soft: { divergence: "hard-labels" } },
    };
    await expect(compute(input)).rejects.toMatchObject({
      code: "OBJECTIVE",
      message: expect.stringContaining("tail, which is no label"),
    });
  });
});
