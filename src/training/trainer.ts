/** @file One student being trained: its weights and moments, and the optimizer step over micro-batches. */

import type { DistillationBatch, ResponseRows } from "../data/batch.js";
import { type ChunkedRows, chunkIds, chunkRows, tokenFeeds } from "../data/batch-feeds.js";
import { placeFeeds } from "../data/places.js";
import { InterruptedError, NonFiniteError } from "../errors.js";
import { featureTermsOf, withoutFeatures } from "../losses/features/feature-terms.js";
import { classSharesOf } from "../losses/objective.js";
import { type Objective, objectiveAt, scheduledTerms, temperedTerms } from "../losses/options.js";
import type { CompileOptions, Feeds } from "../runtime/executor.js";
import { float32Tensor, type HostTensor, scalarOf } from "../runtime/tensor.js";
import { signalFeeds } from "../signals/signal-feeds.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import { type StudentModel, trainedParameters } from "../students/student-model.js";
import { gradientNorm, isDecayed, type OptimizedParameter, updateParameter } from "./adamw.js";
import { addNorms, balancedWeights, noNorms } from "./balance.js";
import { findNonFinite } from "./find-non-finite.js";
import { type HardenedBatch, type Hardener, makeHardener } from "./harden-predictions.js";
import type { TrainingOptions } from "./options.js";
import { makeProjections } from "./projections.js";
import { compileTrainingGraph, type TrainingProgram, temperatureInput, weightInput } from "./training-graph.js";

/** What a step reports: loss and terms before the update, as means over the step's rows. */
export interface StepResult {
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  /** L2 before clipping, tied weights once. */
  readonly gradientNorm: number;
  /**
   * Per term the L2 norm of its gradient by the student's logits of all rows of the step, without its weight:
   * √(Σ over rows ‖∂ term / ∂ zₜ‖²). Not that by the weights: the way there from the logits is the same for all terms. None of
   * features, which do not act through logits; empty unless measured.
   */
  readonly termGradientNorms: Readonly<Record<string, number>>;
  /** Weights of the step, of the terms whose weight changes over the run; of all terms where they are balanced. */
  readonly weights: Readonly<Record<string, number>>;
  /** Temperatures of the step, of the terms whose temperature changes over the run. */
  readonly temperatures: Readonly<Record<string, number>>;
  /** Tokens that the student read. */
  readonly tokens: number;
}

export interface TrainerOptions extends CompileOptions {
  readonly positionCount: number;
  /** Rows that reach the head at once, at most. */
  readonly chunkRows: number;
  /** Steps of the whole run, which the objective's schedules go by. */
  readonly steps: number;
  /** Layers are computed again in the backward pass: less memory, one more forward pass through them. */
  readonly recompute?: boolean;
  /** Whether `termGradientNorms` are measured. */
  readonly measuresGradients?: boolean;
  /** Weights follow the terms' gradients: see {@link balancedWeights}. */
  readonly balances?: boolean;
  /** Draws the projections that features need; 0 unless given. */
  readonly seed?: number;
  /** How messages call the document of this number. */
  readonly nameDocument?: (document: number) => string;
  readonly optimizer: Pick<TrainingOptions, "betas" | "epsilon" | "weightDecay" | "clipNorm">;
}

/** A student in training. It takes the weights that it is given over, and changes those that are not frozen in place. */
export class Trainer {
  /** The student's weights that are trained. */
  readonly parameters: readonly OptimizedParameter[];
  /** What is trained besides, for the objective alone: projections of features. */
  readonly projections: readonly OptimizedParameter[];
  /** The weights and projections as the graph is fed them, for scoring between steps. */
  readonly weights: Feeds;
  readonly #student: StudentModel;
  readonly #training: TrainingProgram;
  readonly #teacher: TeacherSource | undefined;
  readonly #hardener: Hardener | undefined;
  readonly #objective: Objective;
  readonly #options: TrainerOptions;
  /** Of the steps so far. */
  #norms = noNorms;

  private constructor(
    student: StudentModel,
    projections: ReadonlyMap<string, HostTensor>,
    training: TrainingProgram,
    teacher: TeacherSource | undefined,
    hardener: Hardener | undefined,
    objective: Objective,
    options: TrainerOptions,
  ) {
    this.parameters = trainedParameters(student).map(({ name, role }) => {
      return withMoments(name, student.weights.get(name)!, isDecayed(role));
    });
    this.projections = [...projections].map(([name, matrix]) => withMoments(name, matrix, true));
    this.weights = Object.fromEntries([...student.weights, ...projections]);
    this.#student = student;
    this.#training = training;
    this.#teacher = teacher;
    this.#hardener = hardener;
    this.#objective = objective;
    this.#options = options;
  }

  /** All that an optimizer step changes, and a checkpoint holds. */
  get optimized(): readonly OptimizedParameter[] {
    return [...this.parameters, ...this.projections];
  }

  static async create(
    student: StudentModel,
    teacher: TeacherSource | undefined,
    objective: Objective,
    options: TrainerOptions,
  ): Promise<Trainer> {
    const { frozen } = student;
    const training = await compileTrainingGraph(student, objective, { ...graphOptions(options, teacher), frozen });
    const projections = makeProjections(objective, student, teacher?.form, options.seed ?? 0);
    const labels = classSharesOf(objective);
    const hardener = labels && teacher ? await makeHardener(student, teacher, labels, options) : undefined;
    return new Trainer(student, projections, training, teacher, hardener, objective, options);
  }

  /** Takes over the gradient norms of the steps that a resumed run has done, in their order. */
  recall(norms: readonly StepResult["termGradientNorms"][]): void {
    this.#norms = norms.reduce(addNorms, this.#norms);
  }

  /**
   * One optimizer step. All micro-batches share one denominator, the weight of all their rows, so that how a step is cut
   * into micro-batches changes nothing. A term that looks at the text itself counts only rows with ground truth, and is the mean
   * over those of the step; a step that has none has none of it.
   *
   * @param step - from 1.
   * @param signal - read between two programs.
   * @throws NonFiniteError where the loss or the gradient is not finite, InterruptedError where the signal is aborted; the
   *   weights are then those before the step.
   */
  async step(
    microBatches: readonly DistillationBatch[],
    step: number,
    learningRate: number,
    signal?: AbortSignal,
  ): Promise<StepResult> {
    const { program, termNames } = this.#training;
    const weight = sumOver(microBatches, (rows) => rows.weights);
    const denominator = weight === 0 ? 1 : weight;
    const targetWeight = sumOver(microBatches, (rows) => rows.targetWeights ?? rows.weights);
    // Weights that add up to those of all rows make the one denominator right for these terms, too.
    const targetScale = targetWeight === 0 ? 1 : weight / targetWeight;
    const gradients = new Map<string, Float32Array>();
    const settled = objectiveAt(this.#objective, step, this.#options.steps);
    const { balances, measuresGradients } = this.#options;
    const fed = balances ? termNames : scheduledTerms(this.#objective);
    const given = Object.fromEntries(fed.map((name) => [name, settled[name]!.weight]));
    const weights = balances ? balancedWeights(given, this.#norms) : given;
    const tempered = temperedTerms(this.#objective);
    const temperatures = Object.fromEntries(tempered.map((name) => [name, settled[name]!.temperature!]));
    const scalars = { ...scalarFeeds(weights, weightInput), ...scalarFeeds(temperatures, temperatureInput) };
    let total = 0;
    const measured = balances || measuresGradients ? Object.keys(withoutFeatures(this.#objective)) : [];
    const zeros = (names: readonly string[]): Record<string, number> =>
      Object.fromEntries(names.map((name) => [name, 0]));
    const [terms, squares] = [zeros(termNames), zeros(measured)];
    const hardened = await this.#hardener?.harden(microBatches, this.weights);
    for (const [index, batch] of microBatches.entries()) {
      if (signal?.aborted) throw new InterruptedError(`training: stopped before step ${step}.`);
      const rows = chunkRows(batch.rows, this.#options.chunkRows, targetScale);
      const feeds = { ...(await this.#feeds(batch, rows, hardened?.[index])), ...scalars };
      const outputs: Record<string, HostTensor> = await program.run(feeds);
      const sum = scalarOf(outputs.total!);
      if (!Number.isFinite(sum)) throw await this.#nonFiniteLoss(sum, step, index, batch, feeds);
      total += sum;
      for (const name of termNames) terms[name] = terms[name]! + scalarOf(outputs[`term:${name}`]!);
      for (const name of Object.keys(squares)) squares[name] = squares[name]! + scalarOf(outputs[`squares:${name}`]!);
      for (const { name } of this.optimized) {
        addInto(gradients, name, outputs[`gradient:${name}`]!.data as Float32Array);
      }
    }
    const norm = gradientNorm(gradients.values()) / denominator;
    if (!Number.isFinite(norm)) throw this.#nonFiniteGradient(norm, step, microBatches, gradients);
    const { clipNorm } = this.#options.optimizer;
    const clip = clipNorm === null ? 1 : Math.min(1, clipNorm / (norm + 1e-6));
    for (const parameter of this.optimized) {
      const gradient = gradients.get(parameter.name)!;
      updateParameter(parameter, gradient, step, learningRate, clip / denominator, this.#options.optimizer);
    }
    const termGradientNorms = Object.fromEntries(
      Object.entries(squares).map(([name, sum]) => [name, Math.sqrt(sum) / denominator]),
    );
    this.recall([termGradientNorms]);
    return {
      loss: total / denominator,
      terms: Object.fromEntries(termNames.map((name) => [name, terms[name]! / denominator])),
      gradientNorm: norm,
      termGradientNorms,
      weights,
      temperatures,
      tokens: microBatches.reduce((sum, { student }) => sum + countTokens(student.documents), 0),
    };
  }

  get #hasFeatures(): boolean {
    return featureTermsOf(this.#objective).length > 0;
  }

  async dispose(): Promise<void> {
    await this.#hardener?.dispose();
    await this.#training.program.dispose();
  }

  async #feeds(batch: DistillationBatch, rows: ChunkedRows, hardened: HardenedBatch | undefined): Promise<Feeds> {
    const signal = hardened?.signal ?? (await this.#teacher?.signal(batch));
    return {
      ...this.weights,
      ...this.#teacher?.headFeeds,
      ...tokenFeeds(batch.student),
      ...rows.feeds,
      ...(hardened && { hardenedIds: chunkIds(hardened.ids, [rows.chunks, rows.chunkRows]) }),
      ...(signal ? signalFeeds(signal, rows.chunks, rows.chunkRows) : {}),
      ...(this.#hasFeatures ? placeFeeds(batch, rows.chunks, rows.chunkRows) : {}),
    };
  }

  async #nonFiniteLoss(
    loss: number,
    step: number,
    microBatch: number,
    batch: DistillationBatch,
    feeds: Feeds,
  ): Promise<NonFiniteError> {
    const options = graphOptions(this.#options, this.#teacher);
    const value = await findNonFinite(this.#student, this.#objective, options, feeds);
    const first =
      value === undefined
        ? "every row is finite, but their sum is not"
        : `the first value that is not finite is "${value}"`;
    return this.#nonFinite(`the loss became ${loss} at step ${step} (micro-batch ${microBatch + 1}`, [batch], first, {
      step,
      value,
    });
  }

  #nonFiniteGradient(
    norm: number,
    step: number,
    microBatches: readonly DistillationBatch[],
    gradients: ReadonlyMap<string, Float32Array>,
  ): NonFiniteError {
    // The backward pass goes through the model from its end.
    const value = [...gradients].findLast(([, gradient]) => !gradient.every(Number.isFinite))?.[0];
    const first =
      value === undefined
        ? "every value is finite, but their squares are not"
        : `the first that is not finite is that of "${value}"`;
    return this.#nonFinite(`the gradient norm became ${norm} at step ${step} (all micro-batches`, microBatches, first, {
      step,
      value,
    });
  }

  #nonFinite(
    what: string,
    batches: readonly DistillationBatch[],
    first: string,
    details: { readonly step: number; readonly value: string | undefined },
  ): NonFiniteError {
    const { nameDocument = (document) => `document ${document}` } = this.#options;
    const documents = [...new Set(batches.flatMap(({ rows }) => [...rows.documents]))];
    const names = documents.slice(0, 8).map(nameDocument).join(", ");
    const more = documents.length > 8 ? ` and ${documents.length - 8} more` : "";
    return new NonFiniteError(`training: ${what}, rows of ${names}${more}); ${first}.`, {
      hint: "Lower training.learningRate, or set training.clipNorm.",
      details: { ...details, documents },
    });
  }
}

function withMoments(name: string, { data }: HostTensor, decays: boolean): OptimizedParameter {
  const weights = data as Float32Array;
  const moment = () => new Float32Array(weights.length);
  return { name, weights, firstMoment: moment(), secondMoment: moment(), isDecayed: decays };
}

function graphOptions({ balances, measuresGradients, ...options }: TrainerOptions, teacher: TeacherSource | undefined) {
  const measures = balances || measuresGradients;
  return { ...options, signal: teacher?.form, measuresGradients: measures, feedsWeights: balances };
}

function scalarFeeds(values: Readonly<Record<string, number>>, inputOf: (term: string) => string): Feeds {
  const feeds = Object.entries(values).map(([name, value]) => {
    return [inputOf(name), float32Tensor([], Float32Array.of(value))] as const;
  });
  return Object.fromEntries(feeds);
}

/** Adds a gradient to what earlier micro-batches gave; the first one's array is kept as it is. */
function addInto(gradients: Map<string, Float32Array>, name: string, gradient: Float32Array): void {
  const sum = gradients.get(name);
  if (!sum) gradients.set(name, gradient);
  else for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + gradient[i]!;
}

function sumOver(batches: readonly DistillationBatch[], weightsOf: (rows: ResponseRows) => Float32Array): number {
  return batches.reduce((sum, { rows }) => sum + weightsOf(rows).reduce((a, b) => a + b, 0), 0);
}

function countTokens(documents: Int32Array): number {
  let count = 0;
  for (const document of documents) if (document >= 0) count++;
  return count;
}
