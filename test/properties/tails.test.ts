/** @file What a top-k and its tail say of a divergence, as more tokens are kept: never less, never above the whole, and at last the whole. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { computeLoss, lossInputSchema } from "../../src/losses/index.js";

const width = 6;
const logits = fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: width, maxLength: width });

const logSumExp = (values: readonly number[]): number => {
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
};

const compute = async (student: readonly number[], teacher: object, temperature: number): Promise<number> => {
  const objective = { soft: { temperature } };
  const { value } = await computeLoss(lossInputSchema.parse({ student: { logits: [student] }, teacher, objective }));
  return value;
};

describe("forward KL of a top-k with its tail in one bucket", () => {
  it("does not fall as k grows, and is the KL of the whole distributions at the end", () =>
    fc.assert(
      fc.asyncProperty(logits, logits, fc.constantFrom(1, 2), async (student, teacher, temperature) => {
        const best = [...teacher.keys()].sort((a, b) => teacher[b]! - teacher[a]!);
        const total = logSumExp(teacher);
        const tempered = logSumExp(teacher.map((value) => value / temperature)) - total / temperature;
        const whole = await compute(student, { logits: [teacher] }, temperature);
        let before = 0;
        for (let k = 1; k <= width; k++) {
          const ids = best.slice(0, k);
          const logProbs = [ids.map((id) => teacher[id]! - total)];
          const topK = { ids: [ids], logProbs, logNormalizers: { [temperature]: [tempered] } };
          const value = await compute(student, { topK }, temperature);
          expect(value).toBeGreaterThanOrEqual(before - 1e-9);
          expect(value).toBeLessThanOrEqual(whole + 1e-9);
          before = value;
        }
        expect(before).toBeCloseTo(whole, 9);
      }),
      { numRuns: 10, seed: 20250606 },
    ));
});
