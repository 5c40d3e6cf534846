/** @file Features through whole models: PyTorch's values and gradients, layouts that change nothing, projections, and what is refused. */

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { planFeatures, teacherTaps } from "../../src/losses/features/feature-terms.js";
import { layerPairs } from "../../src/losses/features/layer-map.js";
import { featureNames } from "../../src/losses/features/registry.js";
import { objectiveSchema } from "../../src/losses/options.js";
import type { SignalForm } from "../../src/signals/signal-feeds.js";
import { hiddenFormOf, type LocalTeacher, makeLocalTeacher } from "../../src/teachers/local-teacher.js";
import type { LoadedModel } from "../../src/weights/load-model.js";
import { golden } from "../support/limbeck.js";
import { documentOf, idsOf, loadGolden, oneStep, type Step, type StepWithGradient } from "../support/one-step.js";

interface Golden {
  readonly documents: readonly { readonly prompt: readonly number[]; readonly response: readonly number[] }[];
  readonly models: readonly {
    readonly student: string;
    readonly teacher: string;
    readonly term: Readonly<Record<string, unknown>>;
    readonly value: number;
    readonly gradientNorm: number;
  }[];
}

const expected = JSON.parse(readFileSync(`${golden}features.json`, "utf8")) as Golden;

/** One step towards a teacher that hands over what the objective compares. */
async function stepTowards(teacher: LoadedModel, step: Omit<Step, "teacher">): Promise<StepWithGradient> {
  const objective = objectiveSchema.parse(step.objective);
  const taps = teacherTaps(planFeatures(objective, step.student as LoadedModel, hiddenFormOf(teacher)));
  const local: LocalTeacher = await makeLocalTeacher(teacher, { positionCount: 128, threads: 1, taps });
  try {
    return await oneStep({ ...step, teacher: local });
  } finally {
    await local.dispose();
  }
}

describe.each(expected.models)(
  "$term.feature of $student towards $teacher",
  ({ student, teacher, term, ...numbers }) => {
    it("has PyTorch's value and gradient norm, in one micro-batch and in packed ones", async () => {
      const documents = expected.documents.map(({ prompt, response }) => documentOf(prompt, response));
      const objective = { it: term };
      const models = [await loadGolden(teacher), { student: await loadGolden(student), documents, objective }] as const;
      const packed = { sequenceLength: 24, microBatches: [[[0, 1]], [[2, 3]]] };
      for (const layout of [{}, packed]) {
        const { terms, loss, gradientNorm } = await stepTowards(models[0], { ...models[1], ...layout });
        expect([terms.it!, loss]).toBeAllClose([numbers.value, numbers.value], { relative: 2e-5 });
        expect(gradientNorm).toBeCloseTo(numbers.gradientNorm, 4);
      }
    });
  },
);

describe("a step with features", () => {
  let student: LoadedModel;
  let teacher: LoadedModel;
  beforeAll(async () => {
    [student, teacher] = await Promise.all([loadGolden("student-llama"), loadGolden("teacher")]);
  });
  const documents = [5, 9, 3, 12].map((length, i) => documentOf(idsOf(i, 2 * i), idsOf(i + 50, length)));

  it("adds them to the other terms, each with its weight", async () => {
    const objective = {
      soft: { weight: 0.7 },
      hidden: { weight: 0.25 },
      relations: { kind: "feature", feature: "query-key", weight: { from: 0, to: 2, after: 1 } },
    };
    const { loss, terms, weights } = await stepTowards(teacher, { student, documents, objective, step: 2, steps: 4 });
    expect(Object.keys(terms)).toEqual(["soft", "hidden", "relations"]);
    expect(weights).toEqual({ relations: 2 });
    expect(loss).toBeCloseTo(0.7 * terms.soft! + 0.25 * terms.hidden! + 2 * terms.relations!, 5);
  });

  it("is the same with layers that are computed again, where hidden states are compared", async () => {
    const objective = { hidden: {}, distances: { kind: "feature", feature: "relational-distance", layers: [[1, 2]] } };
    const kept = await stepTowards(teacher, { student, documents, objective });
    const again = await stepTowards(teacher, { student, documents, objective, recompute: true });
    expect([again.loss, again.gradientNorm]).toBeAllClose([kept.loss, kept.gradientNorm], { relative: 1e-5 });
  });

  it("refuses attention of layers that are computed again", async () => {
    const objective = { it: { kind: "feature", feature: "key-key" } };
    await expect(stepTowards(teacher, { student, documents, objective, recompute: true })).rejects.toMatchObject({
      message: "models: the keys of layer 2 must be kept to be compared, got recomputed layers.",
      hint: expect.stringContaining("training.recompute: false"),
    });
  });

  it.each(featureNames)(
    "%s is 0 where the student is the teacher, whatever else the teacher reads before the response",
    async (feature) => {
      const objective = { it: { kind: "feature", feature } };
      const same = await stepTowards(student, { student, documents, objective });
      expect(same.loss).toBeLessThan(1e-5);
      // Places are then response rows alone, and the two sides' states differ.
      const views = documents.map((_, i) => documentOf(idsOf(i, 2), idsOf(i + 50, 6), idsOf(i + 9, 7)));
      const other = await stepTowards(student, { student, documents: views, objective });
      expect(other.loss).toBeGreaterThan(1e-5);
    },
  );
});

describe("layer maps", () => {
  it("even goes up both models at the same rate, token embeddings included where hidden states are compared", () => {
    expect(layerPairs("even", 2, 4, 0, "it")).toEqual([
      [0, 0],
      [1, 2],
      [2, 4],
    ]);
    expect(layerPairs("even", 3, 4, 1, "it")).toEqual([
      [1, 1],
      [2, 3],
      [3, 4],
    ]);
    expect(layerPairs("even", 4, 2, 1, "it")).toEqual([
      [1, 1],
      [2, 1],
      [3, 2],
      [4, 2],
    ]);
  });

  it("last is the last of both", () => expect(layerPairs("last", 3, 30, 0, "it")).toEqual([[3, 30]]));

  it("says which layers there are where one is not", () => {
    expect(() =>
      layerPairs(
        [
          [1, 2],
          [3, 4],
        ],
        2,
        4,
        0,
        "objective.hidden.layers",
      ),
    ).toThrow(
      "objective.hidden.layers: expected pairs of the student's layers 0 to 2 and the teacher's 0 to 4, 0 being the token embeddings, got [3, 4].",
    );
    expect(() => layerPairs([[0, 1]], 2, 4, 1, "it")).toThrow(
      "student's layers 1 to 2 and the teacher's 1 to 4, got [0, 1].",
    );
  });
});

describe("a feature term in a config", () => {
  const parse = (term: object) => objectiveSchema.safeParse({ hidden: term });

  it("compares all layers of hidden-mse and hidden-cosine, and the last of all others, where none are named", () => {
    expect(parse({}).data).toEqual({ hidden: { kind: "feature", feature: "hidden-mse", layers: "even", weight: 1 } });
    expect(parse({ feature: "attention-kl" }).data!.hidden).toMatchObject({ layers: "last" });
  });

  it("names each pair of layers once", () => {
    expect(
      parse({
        layers: [
          [1, 2],
          [2, 4],
        ],
      }).success,
    ).toBe(true);
    expect(
      parse({
        layers: [
          [1, 2],
          [1, 2],
        ],
      }).error!.message,
    ).toContain("expected each pair of layers once");
    expect(parse({ layers: [] }).success).toBe(false);
  });
});

describe("features that two models do not have", () => {
  let student: LoadedModel;
  beforeAll(async () => {
    student = await loadGolden("student-llama");
  });
  const plan = (term: object, signal: SignalForm | undefined) =>
    planFeatures(objectiveSchema.parse({ it: { kind: "feature", ...term } }), student, signal);

  it.each([
    [{ kind: "hidden", hiddenSize: 48, headWidth: 96 }, "got final hidden states alone, as a cache holds them."],
    [{ kind: "dense", headWidth: 96 }, "got whole distributions alone, as rows or a classifier give them."],
    [
      { kind: "sparse", headWidth: 96, k: 8, temperatures: [1], tail: "bucket" },
      "got the likeliest tokens alone, as a sparse cache or an endpoint gives them.",
    ],
    [undefined, "got no teacher."],
  ] as const)("are refused by name, %#", (signal, message) => {
    expect(() => plan({ feature: "hidden-cosine" }, signal)).toThrow(
      `objective.it: "hidden-cosine" compares what layers compute, which a teacher that runs live here hands over, ${message}`,
    );
  });

  it("are refused where heads, widths or windows do not fit", async () => {
    const form = hiddenFormOf(await loadGolden("teacher"));
    const layers = form.layers!;
    expect(() => plan({ feature: "attention-kl" }, { ...form, layers: { ...layers, heads: 8 } })).toThrow(
      "expected as many heads on both sides, got 4 (student) and 8 (teacher); query-key compares any.",
    );
    expect(() =>
      plan({ feature: "attention-kl" }, { ...form, layers: { ...layers, windows: [undefined, 16] } }),
    ).toThrow("expected attention over whole documents, got a sliding window of 16.");
    expect(() => plan({ feature: "value-value", relationHeads: 5 }, form)).toThrow(
      "expected relationHeads that divide the width of the values of both sides (16 and 24), got 5.",
    );
  });
});
