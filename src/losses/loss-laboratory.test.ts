/** @file `limbeck loss` against PyTorch in float64. Golden: make_losses.py, make_divergences.py and make_weighted.py in test/golden/scripts. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lossInputSchema } from "./loss-input.js";
import { computeLoss, type LossResult } from "./loss-laboratory.js";

interface Case {
  readonly name: string;
  readonly input: unknown;
  readonly expected: LossResult;
}

const read = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../test/golden/${name}`, import.meta.url), "utf8")) as T;

const losses = read<{ readonly cases: readonly Case[] }>("losses.json");
const family = read<{ readonly cases: readonly Case[]; readonly refused: readonly Omit<Case, "expected">[] }>(
  "divergences.json",
);
const weighted = read<{ readonly cases: readonly Case[] }>("weighted.json");
const mixtures = read<{ readonly cases: readonly Case[] }>("mixtures.json");
const isRefused = ({ name }: Case) => name.startsWith("reverse-kl from the teacher's top");
const accepted = [
  ...losses.cases.filter((each) => !isRefused(each)),
  ...family.cases,
  ...weighted.cases,
  ...mixtures.cases,
];
const refused = [...losses.cases.filter(isRefused), ...family.refused];

describe("computeLoss", () => {
  it.each(refused)("refuses $name, and says why", async ({ input }) => {
    await expect(computeLoss(lossInputSchema.parse(input))).rejects.toMatchObject({
      code: "OBJECTIVE",
      message: expect.stringMatching(/accepts hidden and dense teacher signals, got a top-k: .{30}/) as string,
    });
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
