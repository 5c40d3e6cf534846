/** @file The objective of weak-to-strong learning over a run, against the published code and the paper's description of it. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ConfidenceTerm, objectiveAt } from "../losses/options.js";
import {
  confidenceSchema,
  groundTruthSchema,
  weakLabelsSchema,
  weakToStrongObjective,
} from "./weak-to-strong-options.js";

interface Ramp {
  readonly warmupFraction: number;
  readonly weight: number;
  readonly steps: number;
  readonly published: readonly number[];
  readonly corrected: readonly number[];
}

const golden = JSON.parse(readFileSync(new URL("../../test/golden/weak-to-strong.json", import.meta.url), "utf8")) as {
  readonly ramps: readonly Ramp[];
};

const objective = (weakLabels: object, groundTruth: object = {}, confidence?: object, classes?: readonly string[]) => {
  const labels = weakLabelsSchema.parse(weakLabels);
  const terms = {
    weakLabels: labels,
    groundTruth: groundTruthSchema.parse(groundTruth),
    confidence: confidence && confidenceSchema.parse(confidence),
    ...(classes && { classes }),
  };
  return weakToStrongObjective(terms, labels.weight);
};

describe("the confidence term's warm-up", () => {
  it.each(
    golden.ramps.flatMap((ramp) => [
      { ...ramp, warmup: "published" as const },
      { ...ramp, warmup: "corrected" as const },
    ]),
  )("follows $warmup over $warmupFraction of the run to $weight", (ramp) => {
    const { warmup, warmupFraction, weight, steps } = ramp;
    const taught = objective({ weight: 3 }, {}, { warmup, warmupFraction, weight });
    const shares = Array.from({ length: steps }, (_, i) => objectiveAt(taught, i + 1, steps));
    expect(shares.map(({ confidence }) => confidence!.weight)).toBeAllClose(ramp[warmup].map((share) => 3 * share));
    expect(shares.map(({ soft }) => soft!.weight)).toBeAllClose(ramp[warmup].map((share) => 3 * (1 - share)));
  });
});

describe("weakToStrongObjective", () => {
  it("weighs soft labels by λ beside ground truth", () => {
    expect(objective({ weight: 0.5, temperature: 2 }, { rows: 0.1 })).toEqual({
      hard: { kind: "cross-entropy", weight: 1 },
      soft: {
        kind: "divergence",
        divergence: "forward-kl",
        weight: 0.5,
        temperature: 2,
        scaleByTemperatureSquared: true,
      },
    });
  });

  it("shares λ between soft and hard labels where both are learned", () => {
    const both = objective({ kind: "both", weight: 3 });
    expect(Object.entries(both).map(([name, { weight }]) => [name, weight])).toEqual([
      ["soft", 1.5],
      ["weakHard", 1.5],
    ]);
  });

  it("keeps a schedule of λ", () => {
    const { weakHard } = objective({ kind: "hard", weight: { from: 2, to: 0, fraction: 0.5 } });
    expect([1, 5, 10].map((step) => objectiveAt({ weakHard: weakHard! }, step, 10).weakHard!.weight)).toBeAllClose([
      1.6, 0, 0,
    ]);
  });

  it("hardens what a classifier is sure of to the shares of the labels that are learned", () => {
    const shares = (["soft", "hard", "both"] as const).map((kind) => {
      const taught = objective({ kind }, {}, {}, ["ham", "spam"]).confidence as ConfidenceTerm;
      return taught.classShares;
    });
    expect(shares).toEqual(["soft", "hard", "soft"]);
    expect(objective({}, {}, {}).confidence).not.toHaveProperty("classShares");
  });

  it("has the ground truth alone at λ = 0", () => {
    expect(Object.keys(objective({ weight: 0, kind: "both" }, { rows: "all" }, {}))).toEqual(["hard"]);
  });
});
