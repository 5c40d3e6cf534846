/** @file The head in chunks is the whole head, for every divergence and form of teacher signal. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as g from "../../src/graph/index.js";
import { defineDivergence } from "../../src/losses/index.js";
import { float32Tensor } from "../../src/runtime/index.js";
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
  type StepWithGradient,
  teacherOf,
} from "../support/one-step.js";

defineDivergence({
  name: "test-total-variation",
  accepts: ["hidden", "dense"],
  rows: ({ student, teacher }) =>
    g.mul(g.reduceSum(g.abs(g.sub(student.probabilities, teacher.probabilities)), { axes: [-1] }), 0.5),
});

const objectives = {
  "forward-kl": { soft: { temperature: 3 } },
  "reverse-kl": { soft: { divergence: "reverse-kl", temperature: 2 } },
  "cross-entropy": { soft: { divergence: "cross-entropy" } },
  "symmetric-kl": { soft: { divergence: "symmetric-kl", temperature: 2 } },
  jsd: { soft: { divergence: "jsd", teacherWeight: 0.3, temperature: 3 } },
  "skew-kl": { soft: { divergence: "skew-kl", temperature: 3 } },
  "skew-reverse-kl": { soft: { divergence: "skew-reverse-kl" } },
  tvd: { soft: { divergence: "tvd" }, hard: { labelSmoothing: 0.1 } },
  "alpha-beta": { soft: { divergence: "alpha-beta", temperature: 2 } },
  "logits-mse": { soft: { divergence: "logits-mse" } },
  ranking: { soft: { divergence: "ranking", topK: 6, temperature: 3 } },
  mixed: {
    soft: { weight: 0.6, temperature: 2 },
    hard: { weight: 0.3 },
    back: {
      kind: "divergence",
      divergence: "reverse-kl",
      weight: 0.1,
      scaleByTemperatureSquared: false,
      temperature: 4,
    },
  },
  "a user's divergence": { soft: { divergence: "test-total-variation" }, hard: { weight: 0.5 } },
} as const;

/** Those that a top-k and its tail can answer. */
const takesTopK = new Set(["forward-kl", "cross-entropy", "jsd", "skew-kl", "skew-reverse-kl", "tvd", "ranking"]);

const documents = [
  documentOf(idsOf(1, 4), idsOf(2, 17)),
  documentOf([], idsOf(3, 12)),
  documentOf(idsOf(4, 9), idsOf(5, 3)),
];

let student: LoadedModel;
let teacherModel: LoadedModel;
let teacher: LocalTeacher;

beforeAll(async () => {
  [student, teacherModel] = [await loadGolden("student-llama"), await loadGolden("teacher")];
  teacher = await teacherOf(teacherModel);
});
afterAll(() => teacher.dispose());

function expectSame(actual: StepWithGradient, expected: StepWithGradient): void {
  const numbers = ({ loss, gradientNorm, terms }: StepWithGradient) => [loss, gradientNorm, ...Object.values(terms)];
  expect(numbers(actual)).toBeAllClose(numbers(expected), { relative: 1e-5, absolute: 1e-7 });
  const largest = expected.gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(actual.gradient).toBeAllClose(expected.gradient, { relative: 1e-4, absolute: 1e-5 * largest });
}

const logSumExp = (values: readonly number[]): number => {
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
};

/** The teacher's k likeliest tokens, with the exact normalizers of the temperatures. */
function sparseTeacher(k: number, temperatures: readonly number[]): TeacherSource {
  const form: SignalForm = { kind: "sparse", headWidth: 96, k, temperatures, tail: "bucket" };
  return asSignal(teacher, form as Exclude<SignalForm, { kind: "hidden" }>, (logits) => {
    const ids: number[] = [];
    const logProbs: number[] = [];
    for (const row of logits) {
      const total = logSumExp([...row]);
      const best = [...row.keys()].sort((a, b) => row[b]! - row[a]!).slice(0, k);
      ids.push(...best);
      logProbs.push(...best.map((id) => row[id]! - total));
    }
    const normalizer = (temperature: number) =>
      Float32Array.from(logits, (row) => {
        const tempered = logSumExp([...row].map((value) => value / temperature));
        return tempered - logSumExp([...row]) / temperature;
      });
    return {
      kind: "sparse",
      rows: logits.length,
      headWidth: 96,
      k,
      ids: Int32Array.from(ids),
      logProbs: Float32Array.from(logProbs),
      logNormalizers: new Map(temperatures.map((each) => [each, normalizer(each)])),
    };
  });
}

/** The whole distributions; any constant may be added to a row of logits. */
function denseTeacher(): TeacherSource {
  return asSignal(teacher, { kind: "dense", headWidth: 96 }, (logits) => ({
    kind: "dense",
    rows: logits.length,
    headWidth: 96,
    logits: Float32Array.from(logits.flatMap((row, i) => [...row].map((value) => value + i))),
  }));
}

describe.each(Object.entries(objectives))("the chunked head with %s", (name, objective) => {
  let whole: StepWithGradient;
  beforeAll(async () => {
    whole = await oneStep({ student, teacher, documents, objective, chunkRows: 256 });
  });

  it.each([1, 3, 31, 32])("gives the same loss and gradient in chunks of %i rows", async (chunkRows) => {
    expectSame(await oneStep({ student, teacher, documents, objective, chunkRows }), whole);
  });

  it("gives the same for the teacher's hidden states and its whole distributions", async () => {
    expectSame(await oneStep({ student, teacher: denseTeacher(), documents, objective, chunkRows: 5 }), whole);
  });

  if (takesTopK.has(name)) {
    it("gives the same for a top-k of the whole vocabulary", async () => {
      const sparse = sparseTeacher(96, [3]);
      expectSame(await oneStep({ student, teacher: sparse, documents, objective, chunkRows: 5 }), whole);
    });
  } else if (name !== "mixed") {
    it("refuses a top-k", async () => {
      const stepped = oneStep({ student, teacher: sparseTeacher(8, [2]), documents, objective });
      await expect(stepped).rejects.toMatchObject({ code: "OBJECTIVE" });
    });
  }
});

describe("a weight that changes over the run", () => {
  const stepOf = (soft: unknown, more: object = {}) =>
    oneStep({ student, teacher, documents, objective: { soft: { temperature: 2, weight: soft }, hard: {} }, ...more });
  const weight = { from: 0.1, to: 0.9, after: 2, steps: 4 };

  it.each([
    [2, 0.1],
    [4, 0.5],
    [7, 0.9],
  ])("gives step %i the loss and gradient of the constant %d", async (step, constant) => {
    const scheduled = await stepOf(weight, { step, steps: 10 });
    expect(scheduled.weights.soft).toBeCloseTo(constant, 12);
    const same = await stepOf(constant);
    expect(same.weights).toEqual({});
    expectSame(scheduled, same);
  });
});

describe("heads of unequal width", () => {
  /** The model with a head, and a vocabulary, of the first `width` ids. */
  function cut(model: LoadedModel, width: number): LoadedModel {
    const weights = new Map(model.weights);
    for (const name of ["model.embed_tokens.weight", "lm_head.weight"]) {
      const { dims, data } = weights.get(name)!;
      const size = dims[1]!;
      weights.set(name, float32Tensor([width, size], (data as Float32Array).slice(0, width * size)));
    }
    const shape = { ...model.shape, headWidth: width, vocabSize: width };
    return { ...model, shape, weights, config: { ...model.config, vocab_size: width } };
  }

  /** Ids that both models know. */
  const shared = [documentOf(idsOf(1, 4, 80), idsOf(2, 17, 80)), documentOf([], idsOf(3, 12, 80))];

  it("are compared over the ids that both have, as if the wider had no more", async () => {
    const objective = { soft: { temperature: 2 } };
    const narrowTeacher = await teacherOf(cut(teacherModel, 80));
    const narrowStudent = cut(student, 80);
    const step = (model: LoadedModel, guide: LocalTeacher) =>
      oneStep({ student: model, teacher: guide, documents: shared, objective, chunkRows: 7 });
    const both = await step(narrowStudent, narrowTeacher);
    const wideStudent = await step(student, narrowTeacher);
    const wideTeacher = await step(narrowStudent, teacher);
    await narrowTeacher.dispose();
    for (const { loss, gradientNorm } of [wideStudent, wideTeacher]) {
      expect([loss, gradientNorm]).toBeAllClose([both.loss, both.gradientNorm], { relative: 1e-5 });
    }
    expectSame(wideTeacher, both);
  });

  it("leave the cross-entropy with the text over the student's whole head", async () => {
    const narrowTeacher = await teacherOf(cut(teacherModel, 80));
    const hard = { student, documents: shared, objective: { hard: {} } };
    const alone = await oneStep({ ...hard, teacher: undefined });
    const beside = await oneStep({ ...hard, teacher: narrowTeacher, objective: { soft: {}, hard: {} } });
    await narrowTeacher.dispose();
    expect([beside.terms.hard!]).toBeAllClose([alone.loss], { relative: 1e-6 });
  });
});
