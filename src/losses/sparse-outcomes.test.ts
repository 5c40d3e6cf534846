/** @file What stands for a sparse teacher's tail, against PyTorch in float64. Golden: test/golden/scripts/make_tails.py. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lossInputSchema } from "./loss-input.js";
import { computeLoss, type LossResult } from "./loss-laboratory.js";

interface TopK {
  readonly ids: number[][];
  readonly logProbs: number[][];
  readonly importance?: number[][];
}

interface Case {
  readonly name: string;
  readonly input: { readonly teacher: { readonly topK: TopK } };
  readonly expected: Pick<LossResult, "value" | "rows" | "gradient">;
}

const golden = new URL("../../test/golden/tails.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(golden, "utf8")) as { readonly cases: readonly Case[] };
const tolerance = { relative: 1e-9, absolute: 1e-11 };

describe("a sparse teacher", () => {
  it.each(cases)("$name", async ({ input, expected }) => {
    const { value, rows, gradient } = await computeLoss(lossInputSchema.parse(input));
    expect([value]).toBeAllClose([expected.value], tolerance);
    expect(rows).toBeAllClose(expected.rows, tolerance);
    expect(gradient.flat()).toBeAllClose(expected.gradient.flat(), tolerance);
  });

  it("that is sampled must say how often each id counts", () => {
    const { input } = cases.find(({ name }) => name.includes("sampled"))!;
    const { importance, ...topK } = input.teacher.topK;
    expect(importance).toBeDefined();
    expect(() => lossInputSchema.parse({ ...input, teacher: { topK } })).toThrow(/expected with the tail sampled/);
  });
});
