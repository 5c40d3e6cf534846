/** @file How documents are laid out, cut and ordered changes nothing: loss, terms and gradient stay the same to 1e-5. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TransferDocument } from "../../src/data/index.js";
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

const students = ["student-llama", "student-qwen2", "student-qwen3-tied"] as const;
const objective = { soft: { weight: 0.7, temperature: 2 }, hard: { weight: 0.3 } };

/** Seven documents of unequal lengths; some have a prompt, the last is long. */
const lengths = [
  [0, 9],
  [5, 4],
  [12, 1],
  [0, 16],
  [3, 13],
  [8, 8],
  [1, 30],
] as const;
const documents: readonly TransferDocument[] = lengths.map(([prompt, response], i) =>
  documentOf(idsOf(i, prompt), idsOf(i + 50, response)),
);

let teacher: LocalTeacher;
let models: Record<string, LoadedModel>;

beforeAll(async () => {
  teacher = await teacherOf(await loadGolden("teacher"));
  models = Object.fromEntries(await Promise.all(students.map(async (name) => [name, await loadGolden(name)])));
});
afterAll(() => teacher.dispose());

const step = (student: string, changes: Partial<Step> = {}): Promise<StepWithGradient> =>
  oneStep({ student: models[student]!, teacher, documents, objective, ...changes });

function expectSame(actual: StepWithGradient, expected: StepWithGradient): void {
  const numbers = ({ loss, gradientNorm, terms }: StepWithGradient) => [loss, gradientNorm, terms.soft!, terms.hard!];
  expect(numbers(actual)).toBeAllClose(numbers(expected), { relative: 1e-5 });
  const largest = expected.gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(actual.gradient).toBeAllClose(expected.gradient, { relative: 1e-4, absolute: 1e-5 * largest });
}

describe.each(students)("a step of %s", (name) => {
  let whole: StepWithGradient;
  beforeAll(async () => {
    whole = await step(name);
  });

  it("is the same packed as unpacked", async () => {
    expectSame(await step(name, { sequenceLength: 32, microBatches: [[[0, 3], [1, 2], [4, 5], [6]]] }), whole);
    expectSame(await step(name, { sequenceLength: 100, microBatches: [[[0, 1, 2, 3, 4, 5, 6].reverse()]] }), whole);
  });

  it("is the same, bit for bit, with layers computed again in the backward pass", async () => {
    expect(await step(name, { recompute: true })).toEqual(whole);
  });

  it("does not see padding", async () => {
    const each = documents.map((_, index) => [index]);
    expectSame(await step(name, { sequenceLength: 33, microBatches: [each] }), whole);
    expectSame(await step(name, { sequenceLength: 64, microBatches: [each] }), whole);
  });

  it("is the same in 1, 2, 4 and 7 micro-batches", async () => {
    const cuts = [
      [
        [0, 1, 2],
        [3, 4, 5, 6],
      ],
      [[0], [1, 2], [3, 4, 5], [6]],
      [[0], [1], [2], [3], [4], [5], [6]],
    ];
    for (const cut of cuts) {
      const microBatches = cut.map((indices) => indices.map((index) => [index]));
      expectSame(await step(name, { microBatches }), whole);
    }
  });

  it("is the same in any order of its documents", async () => {
    expectSame(await step(name, { microBatches: [[[6], [2], [4], [0], [5], [1], [3]]] }), whole);
    expectSame(await step(name, { documents: [...documents].reverse() }), whole);
  });
});

describe("a step", () => {
  it("scores the response only, however long the prompt is", async () => {
    for (const length of [1, 2, 40]) {
      const prompt = idsOf(3, length);
      const { tokens } = await step("student-llama", { documents: [documentOf(prompt, idsOf(9, 5))] });
      expect(tokens).toBe(length + 5);
    }
    // The loss of a document with a prompt is that of the same tokens, all learned, less the prompt's part.
    const [prompt, response] = [idsOf(3, 12), idsOf(9, 8)];
    const loss = async (document: TransferDocument) => (await step("student-llama", { documents: [document] })).loss;
    const all = await loss(documentOf([], [...prompt, ...response]));
    const promptOnly = await loss(documentOf([], prompt));
    const responseOnly = await loss(documentOf(prompt, response));
    expect([(11 * promptOnly + 8 * responseOnly) / 19]).toBeAllClose([all], { relative: 1e-5 });
  });

  it("is 0 in every number where nothing is learned", async () => {
    const nothing = documentOf(idsOf(1, 6), []);
    const { loss, gradientNorm, terms } = await step("student-llama", { documents: [nothing] });
    expect({ loss, gradientNorm, terms }).toEqual({ loss: 0, gradientNorm: 0, terms: { soft: 0, hard: 0 } });
  });

  it("has no soft loss and no gradient where student and teacher are one model", async () => {
    const same = await teacherOf(models["student-llama"]!);
    try {
      for (const divergence of ["forward-kl", "reverse-kl"]) {
        const { loss, gradientNorm } = await step("student-llama", {
          teacher: same,
          objective: { soft: { divergence } },
        });
        expect(Math.abs(loss)).toBeLessThan(1e-6);
        expect(gradientNorm).toBeLessThan(1e-5);
      }
    } finally {
      await same.dispose();
    }
  });
});
