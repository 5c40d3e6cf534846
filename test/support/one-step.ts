/** @file One optimizer step on hand-made documents, with the whole gradient, and ways to make teachers and documents for it. */

import { type DistillationBatch, makeBatch, type Span, type TransferDocument } from "../../src/data/index.js";
import { type Objective, objectiveSchema } from "../../src/losses/options.js";
import { float32Tensor } from "../../src/runtime/tensor.js";
import type { SignalForm } from "../../src/signals/signal-feeds.js";
import type { HiddenSignal, TeacherSignal, TeacherSource } from "../../src/signals/teacher-signal.js";
import { type LocalTeacher, makeLocalTeacher } from "../../src/teachers/local-teacher.js";
import { type StepResult, Trainer } from "../../src/training/trainer.js";
import { type LoadedModel, loadModelFolder, type ModelWithWeights } from "../../src/weights/load-model.js";
import { golden } from "./limbeck.js";

/** Longer than every sequence in the tests. */
const positionCount = 128;

export const loadGolden = (name: string): Promise<LoadedModel> => loadModelFolder(`${golden}training/${name}`);

export const teacherOf = (model: LoadedModel): Promise<LocalTeacher> =>
  makeLocalTeacher(model, { positionCount, threads: 1 });

/** `count` ids below `vocabulary`, other ones for every `seed`. */
export function idsOf(seed: number, count: number, vocabulary = 96): number[] {
  return Array.from({ length: count }, (_, i) => (seed * 7919 + i * i * 31 + i * 17 + seed * i * 13) % vocabulary);
}

function spanOf(prompt: readonly number[], response: readonly number[]): Span {
  const responseMask = Uint8Array.from([...prompt.map(() => 0), ...response.map(() => 1)]);
  if (prompt.length === 0) responseMask[0] = 0;
  return { ids: Int32Array.from([...prompt, ...response]), responseMask };
}

/** A document whose response is learned; the teacher sees the same prompt unless it is given another. */
export function documentOf(
  prompt: readonly number[],
  response: readonly number[],
  teacherPrompt?: readonly number[],
): TransferDocument {
  const student = spanOf(prompt, response);
  const responseTokens = student.responseMask.reduce((sum, learned) => sum + learned, 0);
  return {
    student,
    teacher: teacherPrompt ? spanOf(teacherPrompt, response) : student,
    responseTokens,
    responseBytes: undefined,
    origin: { file: "rows.jsonl", line: 1, row: 0, key: 0 },
  };
}

export interface Step {
  readonly student: ModelWithWeights;
  readonly teacher: TeacherSource | undefined;
  readonly documents: readonly TransferDocument[];
  /** As in a config; defaults are filled in. */
  readonly objective: unknown;
  /** Per micro-batch its sequences, each a list of documents; every document in a sequence of its own unless given. */
  readonly microBatches?: readonly (readonly (readonly number[])[])[];
  /** Width of a packed sequence; 0 packs nothing and makes each micro-batch as wide as its longest document. */
  readonly sequenceLength?: number;
  readonly chunkRows?: number;
  readonly recompute?: boolean;
  readonly measuresGradients?: boolean;
  readonly balances?: boolean;
  /** Gradient norms of the steps before. */
  readonly recalled?: readonly StepResult["termGradientNorms"][];
  /** Which step of how many; 1 of 1 unless given. */
  readonly step?: number;
  readonly steps?: number;
}

/** A step's numbers, and the gradient of the mean loss over all weights, one after the other. */
export interface StepWithGradient extends StepResult {
  readonly gradient: Float32Array;
}

/** A trainer changes the weights that it is given. */
function copyOf(model: ModelWithWeights): ModelWithWeights {
  const weights = [...model.weights].map(
    ([name, { dims, data }]) => [name, float32Tensor(dims, (data as Float32Array).slice())] as const,
  );
  return { ...model, weights: new Map(weights) };
}

export async function oneStep(step: Step): Promise<StepWithGradient> {
  const { student, teacher, documents, sequenceLength = 0, chunkRows = 16, recompute = false, steps = 1 } = step;
  const { measuresGradients = false, balances = false, recalled = [] } = step;
  const { microBatches = [documents.map((_, index) => [index])] } = step;
  const objective: Objective = objectiveSchema.parse(step.objective);
  const trainer = await Trainer.create(copyOf(student), teacher, objective, {
    positionCount,
    chunkRows,
    recompute,
    measuresGradients,
    balances,
    steps,
    threads: 1,
    // With β₁ = 0 and no clipping the first moment is the gradient.
    optimizer: { betas: [0, 0.9], epsilon: 1e-8, weightDecay: 0, clipNorm: null },
  });
  try {
    trainer.recall(recalled);
    const layout = { sequenceLength, packing: sequenceLength > 0 };
    const batches = microBatches.map((sequences) => makeBatch(documents, sequences, layout));
    const result = await trainer.step(batches, step.step ?? 1, 1e-3);
    const gradient = Float32Array.from(trainer.parameters.flatMap(({ firstMoment }) => [...firstMoment]));
    return { ...result, gradient };
  } finally {
    await trainer.dispose();
  }
}

/** A teacher that hands over its hidden states in another form of signal, computed here in float64. */
export function asSignal(
  teacher: LocalTeacher,
  form: Exclude<SignalForm, { kind: "hidden" }>,
  convert: (logits: readonly Float64Array[]) => TeacherSignal,
): TeacherSource {
  const head = Object.values(teacher.headFeeds)[0]!;
  return {
    form,
    headFeeds: {},
    signal: async (batch: DistillationBatch) =>
      convert(logitsOf((await teacher.signal(batch)) as HiddenSignal, head.data as Float32Array)),
    dispose: () => teacher.dispose(),
  };
}

function logitsOf({ hidden, hiddenSize, headWidth, rows }: HiddenSignal, head: Float32Array): Float64Array[] {
  return Array.from({ length: rows }, (_, row) =>
    Float64Array.from({ length: headWidth }, (_, id) => {
      let sum = 0;
      for (let i = 0; i < hiddenSize; i++) sum += hidden[row * hiddenSize + i]! * head[id * hiddenSize + i]!;
      return sum;
    }),
  );
}
