/** @file `limbeck loss` against PyTorch in float64. Golden: test/golden/scripts/make_losses.py. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lossInputSchema } from "./loss-input.js";
import { computeLoss, type LossResult } from "./loss-laboratory.js";

interface Case {
  readonly name: string;
  readonly input: unknown;
  readonly expected: LossResult;
}

const golden = JSON.parse(readFileSync(new URL("../../test/golden/losses.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Case[];
};

const refused = golden.cases.filter(({ name }) => name.startsWith("reverse-kl from the teacher's top"));
const accepted = golden.cases.filter((each) => !refused.includes(each));

describe("computeLoss", () => {
  it.each(refused)("refuses $name: a top-k cannot score what the student prefers", async ({ input }) => {
    await expect(computeLoss(lossInputSchema.parse(input))).rejects.toMatchObject({ code: "OBJECTIVE" });
  });

  it.each(accepted)("$name", async ({ input, expected }) => {
    const result = await computeLoss(lossInputSchema.parse(input));
    expect([result.value]).toBeAllClose([expected.value], { relative: 1e-9, absolute: 1e-11 });
    expect(Object.keys(result.terms)).toEqual(Object.keys(expected.terms));
    expect(Object.values(result.terms)).toBeAllClose(Object.values(expected.terms), {
      relative: 1e-9,
      absolute: 1e-11,
    });
    expect(result.rows).toBeAllClose(expected.rows, { relative: 1e-9, absolute: 1e-11 });
    expect(result.gradient.flat()).toBeAllClose(expected.gradient.flat(), { relative: 1e-8, absolute: 1e-11 });
  });
});
