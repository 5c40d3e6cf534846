/** @file Our terms against the functions of TRL, Liger, torchtune and torchdistill. Golden: test/golden/scripts/make_peers.py. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { computeLoss, lossInputSchema } from "../../src/losses/index.js";

interface Case {
  readonly name: string;
  readonly input: unknown;
  /** What the peer's numbers are to be multiplied by. */
  readonly times: number;
  readonly value: number;
  readonly gradient: readonly (readonly number[])[];
}

const golden = new URL("../golden/peers.json", import.meta.url);
const { cases, differing, kernels } = JSON.parse(readFileSync(golden, "utf8")) as {
  readonly cases: readonly Case[];
  readonly differing: readonly Case[];
  readonly kernels: readonly Case[];
};

/** The peers' code computes in float64 too, so that no more than the order of sums is between us. */
const float64 = { relative: 1e-9, absolute: 1e-11 };

/** Kernels compute in float32, ours in float64: values were within 2.7e-7 of themselves, gradients within 8.2e-8. */
const float32 = { relative: 1e-6, absolute: 2e-7 };

const groups = [
  ["a term has the value and the gradient of", cases, float64],
  ["a term has, up to the rounding of float32, the value and the gradient of", kernels, float32],
] as const;

describe.each(groups)("%s", (_, group, tolerance) => {
  it.each(group)("$name", async ({ input, times, value, gradient }) => {
    const ours = await computeLoss(lossInputSchema.parse(input));
    expect([ours.value]).toBeAllClose([times * value], tolerance);
    const expected = gradient.flat().map((slope) => times * slope);
    expect(ours.gradient.flat()).toBeAllClose(expected, tolerance);
  });
});

describe("docs/conformance.md says where a term is not that of", () => {
  it.each(differing)("$name", async ({ input, value }) => {
    const ours = await computeLoss(lossInputSchema.parse(input));
    expect(Math.abs(ours.value - value)).toBeGreaterThan(0.01);
  });
});
