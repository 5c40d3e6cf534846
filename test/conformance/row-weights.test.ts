/** @file Weights of rows and of classes: 1 changes nothing, 0 is absent, 2 is twice, however a step is cut. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { weighClasses } from "../../src/data/class-weights.js";
import type { TransferDocument } from "../../src/data/index.js";
import { makeBatch } from "../../src/data/make-batch.js";
import type { LocalTeacher } from "../../src/teachers/local-teacher.js";
import type { LoadedModel } from "../../src/weights/load-model.js";
import {
  documentOf,
  idsOf,
  loadGolden,
  oneStep,
  type Step,
  type StepWithGradient,
  teacherOf,
} from "../support/one-step.js";

const lengths = [9, 4, 16, 7, 12];
const plain: readonly TransferDocument[] = lengths.map((length, i) => documentOf(idsOf(i, 3), idsOf(i + 50, length)));
/** Documents with these weights, one after the other. */
const weighed = (weights: readonly number[], documents = plain) =>
  documents.map((document, i) => ({ ...document, origin: { ...document.origin, weight: weights[i]! } }));

let student: LoadedModel;
let teacher: LocalTeacher;

beforeAll(async () => {
  student = await loadGolden("student-llama");
  teacher = await teacherOf(await loadGolden("teacher"));
});
afterAll(() => teacher.dispose());

const objective = { soft: { weight: 0.7, temperature: 2 }, hard: { weight: 0.3 } };
const step = (documents: readonly TransferDocument[], changes: Partial<Step> = {}) =>
  oneStep({ student, teacher, documents, objective, ...changes });

function expectSame(actual: StepWithGradient, expected: StepWithGradient): void {
  const numbers = ({ loss, gradientNorm, terms }: StepWithGradient) => [loss, gradientNorm, terms.soft!, terms.hard!];
  expect(numbers(actual)).toBeAllClose(numbers(expected), { relative: 1e-5 });
  expect(actual.gradient).toBeAllClose(expected.gradient, { relative: 1e-4, absolute: 1e-6 });
}

describe("the weight of a row", () => {
  it("changes nothing, bit for bit, where all are 1", async () => {
    const [same, none] = [await step(weighed([1, 1, 1, 1, 1])), await step(plain)];
    expect(same).toEqual(none);
  });

  it("leaves the row out where it is 0", async () => {
    const [without, all] = [
      await step(plain.filter((_, i) => i !== 1 && i !== 3)),
      await step(weighed([1, 0, 1, 0, 1])),
    ];
    expectSame(all, without);
  });

  it("counts the row twice where it is 2", async () => {
    const twice = [...plain, plain[2]!, plain[4]!];
    expectSame(await step(weighed([1, 1, 2, 1, 2])), await step(twice));
  });

  it("says only how rows compare with each other", async () => {
    expectSame(await step(weighed([0.5, 1, 0.25, 3, 2])), await step(weighed([2, 4, 1, 12, 8])));
  });

  it("is the same in any number of micro-batches", async () => {
    const documents = weighed([0.5, 1, 0.25, 3, 2]);
    const whole = await step(documents);
    expectSame(await step(documents, { microBatches: [[[0], [1]], [[2]], [[3], [4]]] }), whole);
    expectSame(await step(documents, { sequenceLength: 64, microBatches: [[[0, 1, 2, 3, 4]]] }), whole);
  });

  it("stands beside missing ground truth: the hard term is a mean by weight of the rows that have it", async () => {
    const mark = (documents: readonly TransferDocument[]) =>
      documents.map((document, i) => ({ ...document, hasGroundTruth: i % 2 === 0 }));
    const hard = await step(mark(weighed([1, 5, 2, 7, 3])), { objective: { hard: {} } });
    const twice = [plain[0]!, plain[2]!, plain[2]!, plain[4]!, plain[4]!, plain[4]!];
    const expected = await step(twice, { objective: { hard: {} } });
    expect([hard.loss]).toBeAllClose([expected.loss], { relative: 1e-5 });
    expect(hard.gradient).toBeAllClose(expected.gradient, { relative: 1e-4, absolute: 1e-6 });
  });

  it("is 0 in every number where all rows weigh nothing", async () => {
    const { loss, gradientNorm, terms } = await step(weighed([0, 0, 0, 0, 0]));
    expect({ loss, gradientNorm, terms }).toEqual({ loss: 0, gradientNorm: 0, terms: { soft: 0, hard: 0 } });
  });
});

describe("weighClasses", () => {
  /** Two texts of class 0, one of class 1 and one without a label. */
  const targets = [0, 0, 1, -1];
  const texts = targets.map((target, i): TransferDocument => {
    const document = documentOf([], idsOf(i, 4));
    const classified = { target, studentPosition: 3, teacherPosition: 3 };
    return { ...document, responseTokens: 1, classified, hasGroundTruth: target >= 0 };
  });
  const targetWeights = (documents: readonly TransferDocument[]) =>
    Array.from(makeBatch(documents, [[0, 1, 2, 3]], { sequenceLength: 16, packing: true }).rows.targetWeights!);

  it("multiplies labels of a class by its weight, and leaves the others", () => {
    expect(targetWeights(weighClasses(texts, ["ham", "spam"], { spam: 2 }))).toEqual([1, 1, 2, 0]);
    expect(targetWeights(weighClasses(weighed([1, 3, 2, 5], texts), ["ham", "spam"], { spam: 2 }))).toEqual([
      1, 3, 4, 0,
    ]);
  });

  it("gives every class the same sum where balanced", () => {
    expect(targetWeights(weighClasses(texts, ["ham", "spam"], "balanced"))).toEqual([0.75, 0.75, 1.5, 0]);
    const [first, second, third] = targetWeights(
      weighClasses(weighed([1, 3, 2, 5], texts), ["ham", "spam"], "balanced"),
    );
    expect(first! + second!).toBeCloseTo(third!, 6);
  });

  it("names a class that there is not", () => {
    expect(() => weighClasses(texts, ["ham", "spam"], { junk: 2 })).toThrow(
      'classWeights: expected one of the classes ham, spam, got "junk"',
    );
  });
});
