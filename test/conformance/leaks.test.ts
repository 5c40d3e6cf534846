/** @file Every program that is compiled is disposed: after training, scoring and teaching, and after each of them fails. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { encodeRows, readRows, type TransferDocument } from "../../src/data/index.js";
import { score } from "../../src/evaluate/score.js";
import { computeLoss, lossInputSchema } from "../../src/losses/index.js";
import { objectiveSchema } from "../../src/losses/options.js";
import { liveProgramsForTests } from "../../src/runtime/executor.js";
import type { StepLine } from "../../src/training/metrics.js";
import { resolveBatchTokens, trainingSchema } from "../../src/training/options.js";
import { trainStudent } from "../../src/training/train-student.js";
import { golden, makeWorkFolder } from "../support/limbeck.js";
import { documentOf, idsOf, loadGolden, oneStep, teacherOf } from "../support/one-step.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
let documents: readonly TransferDocument[];

beforeAll(async () => {
  folder = await makeWorkFolder();
  const encoding = { tokenizer: undefined, chatTemplate: undefined, sequenceLength: 32 };
  documents = (await encodeRows(readRows(`${golden}training/rows.jsonl`), encoding)).documents;
});
afterAll(() => folder.remove());
afterEach(() => expect(liveProgramsForTests()).toBe(0));

const never = new AbortController().signal;

async function train(name: string, training: object, signal = never, onStep = (_: StepLine) => {}, resume = false) {
  const teacher = await teacherOf(await loadGolden("teacher"));
  try {
    return await trainStudent({
      directory: join(folder.path, name),
      student: await loadGolden("student-llama"),
      companionsFrom: `${golden}training/student-llama`,
      teacher,
      objective: objectiveSchema.parse({ soft: {} }),
      train: documents.slice(0, 16),
      heldOut: documents.slice(16),
      data: { sequenceLength: 32, packing: true, shuffle: false },
      training: resolveBatchTokens(trainingSchema.parse({ steps: 3, tokensPerStep: 128, ...training }), {
        sequenceLength: 32,
        packing: true,
      }),
      threads: 1,
      resume,
      signal,
      onStep,
      onEvaluation: () => {},
      onCheckpoint: () => {},
    });
  } finally {
    await teacher.dispose();
  }
}

describe("no program is left behind", () => {
  it("by training a student", async () => {
    const { path } = await train("whole", {});
    expect((await readFile(join(path, "model.safetensors"))).length).toBeGreaterThan(80_000);
  });

  it("by training that is interrupted", async () => {
    const stop = new AbortController();
    const trained = train("stopped", {}, stop.signal, () => stop.abort());
    await expect(trained).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  it("by an evaluation that is interrupted, and done again on resume", async () => {
    const training = { evaluateEvery: 2 };
    const stop = new AbortController();
    const stopped = train("evaluated", training, stop.signal, ({ step }) => step === 2 && stop.abort());
    await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });
    const resumed = await train("evaluated", training, never, undefined, true);
    const whole = await train("unstopped", training);
    const rateless = ({ metrics }: typeof whole) => metrics.map((line) => ({ ...line, tokensPerSecond: undefined }));
    expect(rateless(resumed)).toEqual(rateless(whole));
  });

  it("by training that fails", async () => {
    await expect(train("failed", { learningRate: 1e30 })).rejects.toMatchObject({
      code: "NON_FINITE",
      details: { step: 2, value: expect.stringMatching(/^layers\.0\//) },
    });
  });

  it("by an objective that refuses its teacher", async () => {
    const teacher = await teacherOf(await loadGolden("teacher"));
    const sparse = { ...teacher, form: { kind: "sparse", k: 4, temperatures: [1] } } as never;
    const stepped = oneStep({
      student: await loadGolden("student-llama"),
      teacher: sparse,
      documents: [documentOf([], idsOf(1, 9))],
      objective: { soft: { divergence: "reverse-kl" } },
    });
    await expect(stepped).rejects.toMatchObject({ code: "OBJECTIVE" });
    await teacher.dispose();
  });

  it("by scoring, nor by what cannot be scored", async () => {
    await score(`${golden}training/teacher`, { ids: [4, 5, 6] }, { threads: 1 });
    await expect(score(`${golden}training/teacher`, { ids: [4, 500] }, { threads: 1 })).rejects.toMatchObject({
      code: "DATA",
    });
  });

  it("by losses on hand-written distributions, finite or not", async () => {
    const input = (soft: object) =>
      lossInputSchema.parse({
        teacher: { probabilities: [[1, 0]] },
        student: { logits: [[0, 0]] },
        objective: { soft },
      });
    await computeLoss(input({}));
    await expect(computeLoss(input({ divergence: "reverse-kl" }))).rejects.toMatchObject({ code: "NON_FINITE" });
  });
});
