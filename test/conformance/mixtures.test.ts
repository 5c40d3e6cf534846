/** @file Several teachers as one: their mean in probability space, whatever their widths, and the one teacher where it is alone. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LocalTeacher } from "../../src/teachers/local-teacher.js";
import { makeMixtureTeacher } from "../../src/teachers/mixture-teacher.js";
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

const documents = [documentOf(idsOf(1, 4), idsOf(2, 17)), documentOf([], idsOf(3, 12)), documentOf(idsOf(4, 9), [5])];
const objective = { soft: { weight: 0.7, temperature: 2 }, hard: { weight: 0.3 } };

let student: LoadedModel;
let first: LocalTeacher;
let second: LocalTeacher;

beforeAll(async () => {
  student = await loadGolden("student-llama");
  first = await teacherOf(await loadGolden("teacher"));
  second = await teacherOf(await loadGolden("student-qwen2"));
});
afterAll(async () => {
  await first.dispose();
  await second.dispose();
});

const step = (teacher: Step["teacher"], changes: Partial<Step> = {}) =>
  oneStep({ student, teacher, documents, objective, ...changes });

function expectSame(actual: StepWithGradient, expected: StepWithGradient): void {
  const numbers = ({ loss, gradientNorm, terms }: StepWithGradient) => [loss, gradientNorm, terms.soft!, terms.hard!];
  expect(numbers(actual)).toBeAllClose(numbers(expected), { relative: 1e-5 });
  const largest = expected.gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(actual.gradient).toBeAllClose(expected.gradient, { relative: 1e-4, absolute: 1e-5 * largest });
}

/** log Σ share · softmax, computed here in float64 from both teachers' logits. */
function mixedByHand(shares: readonly [number, number]): Step["teacher"] {
  const rowsOf = async (teacher: LocalTeacher, batch: Parameters<LocalTeacher["signal"]>[0]) => {
    let rows: readonly Float64Array[] = [];
    const form = { kind: "dense", headWidth: 96 } as const;
    await asSignal(teacher, form, (logits) => {
      rows = logits;
      return { ...form, rows: logits.length, logits: new Float32Array() };
    }).signal(batch);
    return rows;
  };
  const softmax = (row: Float64Array) => {
    const most = Math.max(...row);
    const odds = row.map((value) => Math.exp(value - most));
    const total = odds.reduce((sum, value) => sum + value, 0);
    return odds.map((value) => value / total);
  };
  return {
    form: { kind: "dense", headWidth: 96 },
    headFeeds: {},
    async signal(batch) {
      const [a, b] = [await rowsOf(first, batch), await rowsOf(second, batch)];
      const logits = a.flatMap((row, i) => {
        const [p, q] = [softmax(row), softmax(b[i]!)];
        return [...p].map((value, id) => Math.log(shares[0] * value + shares[1] * q[id]!));
      });
      return { kind: "dense", headWidth: 96, rows: a.length, logits: Float32Array.from(logits) };
    },
    async dispose() {},
  };
}

describe("a mixture of teachers", () => {
  it("is the weighted mean of their distributions, at any temperature", async () => {
    const mixture = makeMixtureTeacher([
      { teacher: first, weight: 3 },
      { teacher: second, weight: 1 },
    ]);
    for (const temperature of [1, 2, 4]) {
      const changes = { objective: { soft: { weight: 0.7, temperature }, hard: { weight: 0.3 } } };
      expectSame(await step(mixture, changes), await step(mixedByHand([0.75, 0.25]), changes));
    }
  });

  it("of one teacher is that teacher", async () => {
    expectSame(await step(makeMixtureTeacher([{ teacher: first, weight: 5 }])), await step(first));
  });

  it("of the same teacher twice is that teacher, however they count", async () => {
    const twice = makeMixtureTeacher([
      { teacher: first, weight: 0.1 },
      { teacher: first, weight: 2 },
    ]);
    expectSame(await step(twice), await step(first));
  });

  it("does not depend on how a step is cut", async () => {
    const mixture = makeMixtureTeacher([
      { teacher: first, weight: 1 },
      { teacher: second, weight: 1 },
    ]);
    const whole = await step(mixture);
    expectSame(await step(mixture, { microBatches: [[[0]], [[1], [2]]], chunkRows: 8 }), whole);
    expectSame(await step(mixture, { microBatches: [[[0, 1, 2]]], sequenceLength: 64 }), whole);
  });
});
