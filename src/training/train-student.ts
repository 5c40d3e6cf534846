/** @file The training loop of one student: steps, evaluations, the best weights kept, checkpoints, interruption and resume. */

import { mkdir, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { DistillationBatch } from "../data/batch.js";
import { makeBatch } from "../data/make-batch.js";
import { placeOf } from "../data/source-row.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { InterruptedError } from "../errors.js";
import { makeRowScorer, type RowScorer } from "../evaluate/row-scores.js";
import { accuracyOf, packBatches, scoreBatches } from "../evaluate/score-batches.js";
import { mean, meanOfKnown } from "../evaluate/statistics.js";
import { chunkRowsFor } from "../losses/chunked-head.js";
import { needsTeacher } from "../losses/objective.js";
import { type Objective, objectiveAt } from "../losses/options.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import { adapterTensors, baseTensors, modelTensors } from "../students/low-rank-adapters.js";
import type { StudentModel } from "../students/student-model.js";
import type { MovingTeacher } from "../teachers/moving-teacher.js";
import { rememberSignals } from "../teachers/remember-signals.js";
import { writeAdapterFolder } from "../weights/adapter/adapter-folder.js";
import { openSafetensors, writeFolderAtomically, writeModelFolder, writeSafetensors } from "../weights/index.js";
import {
  type CheckpointState,
  listCheckpoints,
  readCheckpoint,
  removeLeftovers,
  writeCheckpoint,
} from "./checkpoint.js";
import {
  appendMetrics,
  bestEvaluation,
  type Evaluation,
  isEvaluation,
  type MetricsLine,
  readMetrics,
  type StepLine,
  truncateMetrics,
} from "./metrics.js";
import type { TrainingOptions } from "./options.js";
import { learningRateAt } from "./schedule.js";
import { planSteps, type StepPlan, sequencesIn } from "./steps.js";
import { Trainer } from "./trainer.js";
import { writePromptedStudent } from "./write-prompted-student.js";

export interface TrainStudentOptions {
  /** Where the run of this student lives: metrics.jsonl, checkpoints/ and student/, and with adapters or a soft prompt adapter/. */
  readonly directory: string;
  readonly student: StudentModel;
  /** Whose tokenizer files the written student gets. */
  readonly companionsFrom: string | undefined;
  readonly teacher: TeacherSource | undefined;
  /** Teaches in place of `teacher`, which still is what evaluations compare with; it follows the student after every step. */
  readonly movingTeacher?: MovingTeacher | undefined;
  readonly objective: Objective;
  readonly train: readonly TransferDocument[];
  readonly heldOut: readonly TransferDocument[];
  readonly data: { readonly sequenceLength: number; readonly packing: boolean; readonly shuffle: boolean };
  readonly training: TrainingOptions;
  readonly threads: number;
  /** Go on from the newest checkpoint. */
  readonly resume: boolean;
  readonly signal: AbortSignal;
  readonly onStep: (line: StepLine, steps: number) => void;
  readonly onEvaluation: (step: number, evaluation: Evaluation, isBest: boolean) => void;
  readonly onCheckpoint: (step: number, path: string) => void;
}

export interface TrainedStudent {
  /** The folder of the student that was kept. */
  readonly path: string;
  readonly keptStep: number;
  readonly metrics: readonly MetricsLine[];
  readonly plan: StepPlan;
}

/** Evaluations between steps look at this many held-out rows at most; the report looks at all. */
export const rowsPerEvaluation = 16_384;

/**
 * Trains a student and writes it to `student/`. A run that was interrupted goes on where it was, bit for bit, and one that
 * is finished is returned as it is.
 *
 * @throws InterruptedError when the signal is aborted, after a checkpoint was written.
 */
export async function trainStudent(options: TrainStudentOptions): Promise<TrainedStudent> {
  const { directory, training, data } = options;
  const paths = {
    student: join(directory, "student"),
    adapter: join(directory, "adapter"),
    base: join(directory, "base"),
    metrics: join(directory, "metrics.jsonl"),
    checkpoints: join(directory, "checkpoints"),
    best: join(directory, "checkpoints", "best"),
  };
  const plan = planSteps(options.train, {
    ...data,
    ...training,
  });
  const finished = async (): Promise<TrainedStudent> => {
    const metrics = await readMetrics(paths.metrics);
    const best = training.keepBest ? bestEvaluation(metrics) : undefined;
    return { path: paths.student, keptStep: best?.step ?? plan.steps, metrics, plan };
  };
  for (const folder of [directory, paths.checkpoints]) await removeLeftovers(folder);
  if (options.resume && (await exists(paths.student))) {
    await rm(paths.best, { recursive: true, force: true });
    return finished();
  }

  await mkdir(paths.checkpoints, { recursive: true });
  await using session = await TrainingSession.open(options, plan);
  const restored = options.resume ? await session.restore(paths.checkpoints) : undefined;
  const done = restored?.step ?? 0;
  let metrics = await truncateMetrics(paths.metrics, restored ? done : -1);
  session.trainer.recall(metrics.flatMap((line) => (isEvaluation(line) ? [] : [line.termGradientNorms ?? {}])));
  const record = async (line: MetricsLine) => {
    await appendMetrics(paths.metrics, line);
    metrics = [...metrics, line];
  };
  const checkpoint = async (step: number) => {
    if ((await listCheckpoints(paths.checkpoints)).at(-1) === step) return;
    const state = { limbeckCheckpoint: 1, step, seed: training.seed } as const;
    options.onCheckpoint(step, await session.checkpoint(paths.checkpoints, state));
  };
  const evaluate = async (step: number) => {
    const evaluation = await session.evaluate();
    if (!evaluation) return;
    const best = bestEvaluation(metrics);
    const isBest = !best || evaluation.loss < best.evaluation.loss;
    // The weights first, then the line that says so: a crash between the two is made good by the steps done again.
    if (isBest && training.keepBest) await session.keep(paths.best);
    await record({ step, evaluation });
    options.onEvaluation(step, evaluation, isBest);
  };

  /** Does what may be interrupted, and then leaves a checkpoint of the steps done. */
  const orCheckpoint = async <T>(step: number, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof InterruptedError) await checkpoint(step);
      throw error;
    }
  };
  const isDue = (step: number, every: number | null) => step === plan.steps || (every !== null && step % every === 0);

  const isEvaluated = metrics.some((line) => isEvaluation(line) && line.step === done);
  // An interrupted evaluation is done again.
  if (!isEvaluated && (done === 0 || isDue(done, training.evaluateEvery)))
    await orCheckpoint(done, () => evaluate(done));
  for (let step = done + 1; step <= plan.steps; step++) {
    const line = await orCheckpoint(step - 1, () => session.step(step));
    await record(line);
    options.onStep(line, plan.steps);
    if (isDue(step, training.evaluateEvery)) await orCheckpoint(step, () => evaluate(step));
    if (isDue(step, training.checkpointEvery)) await checkpoint(step);
  }
  const hasBest = training.keepBest && bestEvaluation(metrics) !== undefined;
  await session.write(paths, hasBest ? paths.best : undefined);
  await rm(paths.best, { recursive: true, force: true });
  return finished();
}

/** What lives while a student is trained: the trainer and the scorer of its evaluations. */
class TrainingSession implements AsyncDisposable {
  readonly trainer: Trainer;
  readonly #scorer: RowScorer;
  readonly #options: TrainStudentOptions;
  readonly #plan: StepPlan;
  readonly #heldOut: readonly DistillationBatch[];
  /** The teacher, asked once about every held-out batch. */
  readonly #observer: TeacherSource | undefined;

  private constructor(options: TrainStudentOptions, plan: StepPlan, trainer: Trainer, scorer: RowScorer) {
    this.trainer = trainer;
    this.#scorer = scorer;
    this.#options = options;
    this.#plan = plan;
    this.#observer = options.teacher && rememberSignals(options.teacher);
    this.#heldOut = packBatches(firstRows(options.heldOut, rowsPerEvaluation), {
      sequenceLength: options.data.sequenceLength,
      batchTokens: options.training.microBatchTokens,
    });
  }

  static async open(options: TrainStudentOptions, plan: StepPlan): Promise<TrainingSession> {
    const { student, teacher, objective, training, threads } = options;
    const chunkRows = chunkRowsFor(student.shape.headWidth, training.microBatchTokens);
    const positionCount = widestBatch([...options.train, ...options.heldOut], options.data.sequenceLength);
    const shared = { positionCount, chunkRows, threads };
    const guide = needsTeacher(objective) ? (options.movingTeacher ?? teacher) : undefined;
    const nameDocument = (document: number) => placeOf(options.train[document]!.origin);
    const trainer = await Trainer.create(student, guide, objective, {
      ...shared,
      recompute: training.recompute,
      measuresGradients: training.termGradientNorms,
      balances: training.balance === "gradient-norm",
      seed: training.seed,
      steps: plan.steps,
      nameDocument,
      optimizer: training,
    });
    // One measure for all evaluations, whatever weights and temperatures are at the step: those of the last.
    const measured = objectiveAt(objective, plan.steps, plan.steps);
    const scorer = await makeRowScorer(student, { ...shared, objective: measured, signal: teacher?.form });
    return new TrainingSession(options, plan, trainer, scorer);
  }

  async step(step: number): Promise<StepLine> {
    const { train, training, signal } = this.#options;
    const started = performance.now();
    const { sequences, plan } = this.#plan.at(step);
    const size = sequencesIn(training.microBatchTokens, plan);
    const batches = [];
    for (let i = 0; i < sequences.length; i += size) batches.push(makeBatch(train, sequences.slice(i, i + size), plan));
    const learningRate = learningRateAt(step, this.#plan.steps, training);
    const result = await this.trainer.step(batches, step, learningRate, signal);
    this.#options.movingTeacher?.follow(this.trainer.parameters);
    const { loss, terms, termGradientNorms, gradientNorm, weights, temperatures, tokens } = result;
    const norms = Object.keys(termGradientNorms).length > 0 ? { termGradientNorms } : {};
    const scheduled = {
      ...(Object.keys(weights).length > 0 && { weights }),
      ...(Object.keys(temperatures).length > 0 && { temperatures }),
    };
    const tokensPerSecond = tokens / ((performance.now() - started) / 1000);
    return { step, loss, terms, ...norms, ...scheduled, gradientNorm, learningRate, tokens, tokensPerSecond };
  }

  /** Undefined where nothing is held out. */
  async evaluate(): Promise<Evaluation | undefined> {
    if (this.#heldOut.length === 0) return undefined;
    const { teacher, signal } = this.#options;
    const weights = { ...this.trainer.weights, ...teacher?.headFeeds };
    const scores = await scoreBatches(this.#heldOut, this.#scorer, weights, this.#observer, { signal });
    return {
      loss: mean(scores.objective!),
      perplexity: Math.exp(-meanOfKnown(scores.targetLogProbs)),
      ...(this.#options.student.shape.classHead ? { accuracy: accuracyOf(scores) } : {}),
      ...(scores.kl ? { klTeacherStudent: mean(scores.kl) } : {}),
    };
  }

  /** Writes all that a resumed run goes on from. */
  checkpoint(path: string, state: CheckpointState): Promise<string> {
    return writeCheckpoint(path, state, this.trainer.optimized, this.#options.movingTeacher?.weights);
  }

  /** Takes over the newest checkpoint; undefined where there is none. */
  restore(path: string): Promise<CheckpointState | undefined> {
    return readCheckpoint(path, this.trainer.optimized, this.#options.movingTeacher?.weights);
  }

  /** Keeps the trained weights as they are now. */
  async keep(path: string): Promise<void> {
    const { weights } = this.#options.student;
    const tensors = this.trainer.parameters.map(({ name, weights: data }) => {
      return { name, shape: weights.get(name)!.dims, data };
    });
    await writeFolderAtomically(path, (folder) => writeSafetensors(join(folder, "weights.safetensors"), tensors), {
      replace: true,
    });
  }

  /**
   * Writes the student's model folder, with the kept weights where there are some. Before it, which says that the run is done, come
   * its adapters alone, and their base where that is nowhere else.
   */
  async write(
    paths: Readonly<Record<"student" | "adapter" | "base", string>>,
    kept: string | undefined,
  ): Promise<void> {
    const { student, companionsFrom } = this.#options;
    await using file = kept ? await openSafetensors(join(kept, "weights.safetensors")) : undefined;
    const read = (name: string) =>
      file?.has(name) ? file.readFloat32(name) : (student.weights.get(name)!.data as Float32Array);
    const shared = { config: student.config, dtype: "float32", copyFrom: companionsFrom } as const;
    const { adapters, softPrompt } = student;
    if (softPrompt) return writePromptedStudent(paths, { ...student, softPrompt }, read, companionsFrom);
    if (adapters) {
      const { baseModel = resolve(paths.base) } = adapters.config;
      if (adapters.config.baseModel === undefined) {
        await writeModelFolder(paths.base, { ...shared, tensors: baseTensors(adapters, read), replace: true });
      }
      const config = { ...adapters.config, baseModel };
      await writeAdapterFolder(paths.adapter, config, adapterTensors(adapters, read), companionsFrom);
    }
    await writeModelFolder(paths.student, { ...shared, tensors: modelTensors(student, read) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.trainer.dispose();
    await this.#scorer.dispose();
  }
}

/** Tokens of the longest document in one view. */
export function longestView(documents: readonly TransferDocument[], side: "student" | "teacher"): number {
  return documents.reduce((most, document) => Math.max(most, document[side].ids.length), 1);
}

/** Positions that a sequence of a batch may have, in either view. A packed one has `sequenceLength` at least. */
export function widestBatch(documents: readonly TransferDocument[], sequenceLength: number): number {
  return Math.max(sequenceLength, longestView(documents, "student"), longestView(documents, "teacher"));
}

/** Documents from the start until they hold `limit` response rows. */
function firstRows(documents: readonly TransferDocument[], limit: number): readonly TransferDocument[] {
  let rows = 0;
  const end = documents.findIndex(({ responseTokens }) => {
    rows += responseTokens;
    return rows > limit;
  });
  return end < 0 ? documents : documents.slice(0, Math.max(1, end));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
