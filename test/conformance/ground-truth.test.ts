/** @file Documents without ground truth: terms on the text leave them out, others do not, however a step is cut. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TransferDocument } from "../../src/data/index.js";
import type { LocalTeacher } from "../../src/teachers/local-teacher.js";
import type { LoadedModel } from "../../src/weights/load-model.js";
import { documentOf, idsOf, loadGolden, oneStep, type Step, teacherOf } from "../support/one-step.js";

/** Every other document is marked. */
const lengths = [9, 4, 16, 7, 12];
const documents: readonly TransferDocument[] = lengths.map((length, i) => {
  return { ...documentOf(idsOf(i, 3), idsOf(i + 50, length)), hasGroundTruth: i % 2 === 0 };
});
const labelled = documents.filter(({ hasGroundTruth }) => hasGroundTruth);

let student: LoadedModel;
let teacher: LocalTeacher;

beforeAll(async () => {
  student = await loadGolden("student-llama");
  teacher = await teacherOf(await loadGolden("teacher"));
});
afterAll(() => teacher.dispose());

const step = (objective: object, changes: Partial<Step> = {}) =>
  oneStep({ student, teacher, documents, objective, ...changes });

describe("a step over documents of which some lack ground truth", () => {
  it("has the cross-entropy, and its gradient, of those that have it", async () => {
    const [some, alone] = [await step({ hard: {} }), await step({ hard: {} }, { documents: labelled })];
    expect([some.loss, some.terms.hard!]).toBeAllClose([alone.loss, alone.loss], { relative: 1e-5 });
    expect(some.gradient).toBeAllClose(alone.gradient, { relative: 1e-4, absolute: 1e-6 });
  });

  it("adds to it the divergence from the teacher on all of them, each term a mean over its own rows", async () => {
    const both = await step({ soft: { weight: 0.7 }, hard: { weight: 1.3 } });
    const soft = await step({ soft: {} });
    const hard = await step({ hard: {} }, { documents: labelled });
    expect([both.terms.soft!, both.terms.hard!]).toBeAllClose([soft.loss, hard.loss], { relative: 1e-5 });
    expect([both.loss]).toBeAllClose([0.7 * soft.loss + 1.3 * hard.loss], { relative: 1e-5 });
    const sum = soft.gradient.map((slope, i) => 0.7 * slope + 1.3 * hard.gradient[i]!);
    expect(both.gradient).toBeAllClose(sum, { relative: 1e-4, absolute: 1e-6 });
  });

  it("is the same in any number of micro-batches, also where one of them has no ground truth", async () => {
    const whole = await step({ soft: {}, hard: {} });
    for (const cut of [
      [[0], [1], [2], [3], [4]],
      [
        [1, 3],
        [0, 2, 4],
      ],
    ]) {
      const microBatches = cut.map((indices) => indices.map((index) => [index]));
      const { loss, terms, gradient } = await step({ soft: {}, hard: {} }, { microBatches });
      expect([loss, terms.soft!, terms.hard!]).toBeAllClose([whole.loss, whole.terms.soft!, whole.terms.hard!], {
        relative: 1e-5,
      });
      expect(gradient).toBeAllClose(whole.gradient, { relative: 1e-4, absolute: 1e-6 });
    }
  });

  it("has no cross-entropy where none has it, and is no NaN", async () => {
    const none = documents.map((document) => ({ ...document, hasGroundTruth: false }));
    const { loss, terms } = await step({ soft: {}, hard: {} }, { documents: none });
    const alone = await step({ soft: {} });
    expect(terms.hard).toBe(0);
    expect([loss]).toBeAllClose([alone.loss], { relative: 1e-6 });
  });
});
