/** @file Temperatures that change over a run, the size of each term's gradient, and weights by it: all as a constant objective has them. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeBatch } from "../../src/data/index.js";
import type { SignalForm } from "../../src/signals/signal-feeds.js";
import type { TeacherSource } from "../../src/signals/teacher-signal.js";
import type { LocalTeacher } from "../../src/teachers/local-teacher.js";
import type { LoadedModel } from "../../src/weights/load-model.js";
import {
  asSignal,
  documentOf,
  idsOf,
  loadGolden,
  oneStep,
  type Step,
  type StepWithGradient,
  teacherOf,
} from "../support/one-step.js";

const documents = [
  documentOf(idsOf(1, 4), idsOf(2, 17)),
  documentOf([], idsOf(3, 12)),
  documentOf(idsOf(4, 9), idsOf(5, 3)),
];

let student: LoadedModel;
let teacher: LocalTeacher;

beforeAll(async () => {
  student = await loadGolden("student-llama");
  teacher = await teacherOf(await loadGolden("teacher"));
});
afterAll(() => teacher.dispose());

const step = (objective: object, changes: Partial<Step> = {}) =>
  oneStep({ student, teacher, documents, objective, ...changes });

function expectSame(actual: StepWithGradient, expected: StepWithGradient): void {
  expect([actual.loss, actual.gradientNorm]).toBeAllClose([expected.loss, expected.gradientNorm], { relative: 1e-5 });
  expect(actual.gradient).toBeAllClose(expected.gradient, { relative: 1e-4, absolute: 1e-6 });
}

/** The teacher's whole distributions as a top-k of all 96 ids, with the normalizers of these temperatures. */
function sparseTeacher(temperatures: readonly number[]): TeacherSource {
  const logSumExp = (row: Float64Array, temperature: number) =>
    Math.log(row.reduce((sum, value) => sum + Math.exp(value / temperature), 0));
  const form = { kind: "sparse", headWidth: 96, k: 96, temperatures, tail: "bucket" } as const satisfies SignalForm;
  return asSignal(teacher, form, (logits) => ({
    ...form,
    rows: logits.length,
    ids: Int32Array.from({ length: logits.length * 96 }, (_, i) => i % 96),
    logProbs: Float32Array.from(logits.flatMap((row) => Array.from(row, (value) => value - logSumExp(row, 1)))),
    logNormalizers: new Map(
      temperatures
        .filter((each) => each !== 1)
        .map((each) => [each, Float32Array.from(logits, (row) => logSumExp(row, each) - logSumExp(row, 1) / each)]),
    ),
  }));
}

describe("a temperature that changes over the run", () => {
  const cooling = { from: 4, to: 1, steps: 6 };

  it.each(["forward-kl", "reverse-kl", "jsd", "logits-mse"])(
    "is that of its step, τ² included, for %s",
    async (divergence) => {
      const soft = { divergence, temperature: cooling };
      const scheduled = await step({ soft, hard: {} }, { step: 2, steps: 8 });
      expect(scheduled.temperatures).toEqual({ soft: 3 });
      expectSame(scheduled, await step({ soft: { ...soft, temperature: 3 }, hard: {} }));
      expectSame(await step({ soft }, { step: 7, steps: 8 }), await step({ soft: { ...soft, temperature: 1 } }));
    },
  );

  it("leaves τ² out where the term does", async () => {
    const soft = { scaleByTemperatureSquared: false };
    const scheduled = await step({ soft: { ...soft, temperature: cooling } }, { step: 4, steps: 8 });
    expectSame(scheduled, await step({ soft: { ...soft, temperature: 2 } }));
  });

  it("may jump where a top-k holds both temperatures", async () => {
    const temperature = { from: 3, to: 1, after: 2 };
    const sparse = sparseTeacher([1, 3]);
    for (const [at, now] of [
      [1, 3],
      [3, 1],
    ] as const) {
      const jumped = await step({ soft: { temperature } }, { teacher: sparse, step: at, steps: 4 });
      expectSame(jumped, await step({ soft: { temperature: now } }));
    }
  });

  it("is refused by name where it moves from step to step over a top-k", async () => {
    const stepped = step({ soft: { temperature: cooling } }, { teacher: sparseTeacher([1, 4]), steps: 8 });
    await expect(stepped).rejects.toThrow(
      "objective.soft.temperature: a top-k of the teacher holds the temperatures that it was captured with",
    );
  });
});

describe("the gradient norm of a term", () => {
  const objective = { soft: { weight: 0.7, temperature: 2 }, hard: { weight: 0.3, labelSmoothing: 0.1 } };

  it("is measured without changing the step, bit for bit", async () => {
    const plain = await step(objective);
    const { termGradientNorms, ...rest } = await step(objective, { measuresGradients: true });
    expect({ ...rest, termGradientNorms: {} }).toEqual(plain);
    expect(Object.keys(termGradientNorms)).toEqual(["soft", "hard"]);
  });

  it("is that of the cross-entropy by hand: ‖q − 1[target]‖ over the rows, however the step is cut", async () => {
    // The student's own logits, as a teacher would hand them over.
    const own = await teacherOf(student);
    try {
      const probe = asSignal(own, { kind: "dense", headWidth: 96 }, (logits) => {
        const values = Float32Array.from(logits.flatMap((row) => [...row]));
        return { kind: "dense", rows: logits.length, headWidth: 96, logits: values };
      });
      const batch = makeBatch(documents, [[0], [1], [2]], { sequenceLength: 0, packing: false });
      const signal = await probe.signal(batch);
      if (signal.kind !== "dense") throw new Error("the probe is dense");
      const { rows } = signal;
      let squares = 0;
      for (let row = 0; row < rows; row++) {
        const values = Array.from(signal.logits.subarray(row * 96, (row + 1) * 96));
        const total = values.reduce((sum, value) => sum + Math.exp(value), 0);
        values.forEach((value, id) => {
          squares += (Math.exp(value) / total - Number(id === batch.rows.targetIds[row])) ** 2;
        });
      }
      for (const microBatches of [undefined, [[[0]], [[1], [2]]]]) {
        const changes = { measuresGradients: true, ...(microBatches && { microBatches }) };
        const { termGradientNorms } = await step({ hard: { weight: 0.3 } }, changes);
        expect([termGradientNorms.hard!]).toBeAllClose([Math.sqrt(squares) / rows], { relative: 1e-5 });
      }
    } finally {
      await own.dispose();
    }
  });

  it("depends on no weight, and is 0 where student and teacher agree", async () => {
    const norms = async (weight: number) =>
      (await step({ soft: { weight, temperature: 2 }, hard: {} }, { measuresGradients: true })).termGradientNorms;
    expect(await norms(0.1)).toEqual(await norms(3));
    const own = await teacherOf(student);
    try {
      const same = await step({ soft: { temperature: 2 }, hard: {} }, { teacher: own, measuresGradients: true });
      expect(same.termGradientNorms.soft).toBeLessThan(1e-6);
      expect(same.termGradientNorms.hard).toBeGreaterThan(1e-3);
    } finally {
      await own.dispose();
    }
  });
});

describe("weights by gradient norms", () => {
  const objective = { soft: { weight: 3, temperature: 2 }, hard: { weight: 1 } };

  it("are those given at the first step, and then those of terms whose gradients are in their ratio", async () => {
    const first = await step(objective, { balances: true });
    expect(first.weights).toEqual({ soft: 3, hard: 1 });
    expectSame(first, await step(objective));
    const norms = first.termGradientNorms;
    const second = await step(objective, { balances: true, recalled: [norms] });
    const [soft, hard] = [second.weights.soft! * norms.soft!, second.weights.hard! * norms.hard!];
    expect(soft / hard).toBeCloseTo(3, 6);
    expect(soft + hard).toBeCloseTo(3 * norms.soft! + norms.hard!, 6);
    const constant = {
      soft: { ...objective.soft, weight: second.weights.soft },
      hard: { weight: second.weights.hard },
    };
    expectSame(second, await step(constant));
  });
});
