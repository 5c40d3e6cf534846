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
const { cases, differing } = JSON.parse(readFileSync(golden, "utf8")) as {
  readonly cases: readonly Case[];
  readonly differing: readonly Case[];
};

/** The peers' code computes in float64 too, so that no more than the order of sums is between us. */
const tolerance = { relative: 1e-9, absolute: 1e-11 };

describe("a term has the value and the gradient of", () => {
  it.each(cases)("$name", async ({ input, times, value, gradient }) => {
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
