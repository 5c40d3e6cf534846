/** @file The report of a run: every model measured on the same held-out rows, and where student and teacher differ most. */

import { basename } from "node:path";
import type { DistillationBatch } from "../data/batch.js";
import {
  countSourceRows,
  dropVirtualTokens,
  measureDocuments,
  type TransferDocument,
  type TransferReport,
} from "../data/index.js";
import { findDifferingTokens } from "../evaluate/differing-tokens.js";
import { type ForwardCost, measureForward } from "../evaluate/measure-forward.js";
import { measurePrecision, type PrecisionCost } from "../evaluate/measure-precision.js";
import { type BatchScores, packBatches, scoresOfTeacher } from "../evaluate/score-batches.js";
import { scoreModel } from "../evaluate/score-model.js";
import { estimateMean } from "../evaluate/statistics.js";
import { summarizeModel } from "../evaluate/summarize-model.js";
import { countParameters } from "../models/architecture.js";
import { type History, type ModelReport, type ModelRole, type Report, thinOut } from "../report/report.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import { rememberSignals } from "../teachers/remember-signals.js";
import { isEvaluation } from "../training/metrics.js";
import { describeMachine } from "../training/run-directory.js";
import { type TrainedStudent, widestBatch } from "../training/train-student.js";
import { packageVersion } from "../version.js";
import { loadModelFolder, type ModelWithWeights } from "../weights/load-model.js";
import type { Precision } from "../weights/quantize/index.js";
import { mixtureOf, type OpenedTeacher } from "./open-models.js";
import { warnAboutSignals } from "./open-teacher-source.js";
import type { RecipeContext } from "./recipe.js";
import { reportContext } from "./report-context.js";
import type { CommonConfig, RunParts, Trained } from "./run-parts.js";
import { warnAboutTeacher, worthOf } from "./teacher-worth.js";

export async function makeReport(
  context: RecipeContext<CommonConfig>,
  parts: RunParts,
  { trained, twin, localTeacher, threads, started }: Trained,
): Promise<Report> {
  const { config } = context;
  const { data, student, teacher } = parts;
  const bench = new Bench(context, data.heldOut, localTeacher, threads);
  const after = await loadModelFolder(trained.path);
  const studentCost = await bench.cost(trained.path);
  const parameters = countParameters(student.model.architecture.parameters(student.model.shape));
  const shared = { parameters, bytesOnDisk: after.bytesOnDisk, ...studentCost };

  const models: ModelReport[] = [];
  const add = (role: ModelRole, name: string, scores: BatchScores, facts: typeof shared) => {
    models.push({ role, name, ...facts, ...summarizeModel(scores, data.heldOut) });
    return scores;
  };
  const before = await bench.scores("the student before", await student.start());
  if (teacher) {
    const { name, model } = teacher;
    const facts = await bench.factsOf(teacher);
    add("teacher", name, scoresOfTeacher(before), facts);
    if (parts.context) {
      const isStart = model.fingerprint === student.fingerprint;
      // It has no soft prompt, and does not know a student's.
      const texts = dropVirtualTokens(data.heldOut, student.model.shape.virtualTokens ?? 0);
      const bare = texts === data.heldOut ? bench : new Bench(context, texts, localTeacher, threads);
      const scores = isStart ? before : await bare.scores("the teacher without the context", await teacher.load());
      add("teacher-without-context", name, scores, facts);
    }
  }
  add("student-before", "student before", before, shared);
  const own = add("student-after", basename(config.output), await bench.scores("the student", after), shared);
  const twinScores =
    twin && add("twin", "twin", await bench.scores("the twin", await loadModelFolder(twin.path)), shared);
  const precision = teacher && (await bench.precision(teacher));
  const students = { "student-before": before, "student-after": own, ...(twinScores && { twin: twinScores }) };
  const worth = teacher ? worthOf(parts, data.heldOut, students) : null;
  const scored = { before, after: own, student: after };
  const contextReport = parts.context && (await reportContext(context, parts, parts.context, scored, threads));
  return {
    ...runFacts(context, parts, { trained, threads, started }, parameters),
    models,
    ...(parts.writing && { writing: parts.writing }),
    ...(precision && { teacherPrecision: precision }),
    ...(worth && { teacherWorth: worth }),
    ...(contextReport && { context: contextReport }),
    gainOverTwin: twinScores ? gain(twinScores, own, data.heldOut) : null,
    history: { student: historyOf(trained), twin: twin ? historyOf(twin) : null },
    tokensThatDiffer:
      localTeacher && student.tokenizer
        ? await findDifferingTokens(own, data.heldOut, after, localTeacher, student.tokenizer, {
            threads,
            signal: context.signal,
          })
        : [],
    warnings: [...data.warnings, ...warnAboutTeacher(worth), ...warnAboutSignals(localTeacher)],
  };
}

/** What every report says of its run and its rows. */
export function runFacts(
  { config }: RecipeContext<CommonConfig>,
  { data, student }: Pick<RunParts, "data" | "student">,
  { trained, threads, started }: Pick<Trained, "trained" | "threads" | "started">,
  parameters: number,
): Pick<Report, "limbeckReport" | "run" | "data"> {
  return {
    limbeckReport: 1,
    run: {
      recipe: config.recipe,
      created: new Date().toISOString(),
      seconds: (performance.now() - started) / 1000,
      limbeckVersion: packageVersion,
      machine: describeMachine(),
      device: "cpu",
      threads,
      seed: config.training.seed,
      student: { origin: student.origin, trainedParameters: student.trainedParameters ?? parameters },
      config: config as unknown as Readonly<Record<string, unknown>>,
    },
    data: {
      train: splitFacts(data.train, data.report.train),
      heldOut: splitFacts(data.heldOut, data.report.heldOut),
      waste: trained.plan.waste,
    },
  };
}

/** Held-out batches and what is needed to measure models on them. */
class Bench {
  readonly #context: RecipeContext<CommonConfig>;
  readonly #heldOut: readonly TransferDocument[];
  readonly #batches: readonly DistillationBatch[];
  readonly #teacher: TeacherSource | undefined;
  readonly #positionCount: number;
  readonly #threads: number;

  constructor(
    context: RecipeContext<CommonConfig>,
    heldOut: readonly TransferDocument[],
    teacher: TeacherSource | undefined,
    threads: number,
  ) {
    const { data, training } = context.config;
    this.#context = context;
    this.#heldOut = heldOut;
    this.#batches = packBatches(heldOut, {
      sequenceLength: data.sequenceLength,
      batchTokens: training.microBatchTokens,
    });
    this.#teacher = teacher && rememberSignals(teacher);
    this.#positionCount = widestBatch(heldOut, data.sequenceLength);
    this.#threads = threads;
  }

  /** A student's scores, and its teacher's. */
  scores(name: string, model: ModelWithWeights): Promise<BatchScores> {
    const { emit, signal } = this.#context;
    emit({ type: "phase", phase: "evaluating", message: `measuring ${name} on held-out rows` });
    return scoreModel(model, this.#batches, {
      positionCount: this.#positionCount,
      threads: this.#threads,
      teacher: this.#teacher,
      signal,
      onProgress: (done, total) => emit({ type: "progress", task: `measuring ${name}`, done, total, unit: "rows" }),
    });
  }

  /** Speed and memory at the run's batch size. */
  cost(model: string, precision: Precision = "float32"): Promise<ForwardCost> {
    const { config, signal } = this.#context;
    const { data, training } = config;
    const sequences = Math.max(1, Math.floor(training.microBatchTokens / data.sequenceLength));
    return measureForward({ model, precision, sequences, tokens: data.sequenceLength, threads: this.#threads }, signal);
  }

  /** Size, speed and memory of a teacher: of a mixture all together, one read after the other. */
  async factsOf(teacher: OpenedTeacher): Promise<ForwardCost & { parameters: number; bytesOnDisk: number }> {
    let [parameters, bytesOnDisk, secondsPerToken, peakMemoryBytes] = [0, 0, 0, 0];
    for (const { model, precision } of mixtureOf(teacher).map((member) => member.teacher)) {
      const cost = await this.cost(model.path, precision);
      parameters += countParameters(model.architecture.parameters(model.shape));
      bytesOnDisk += model.bytesOnDisk;
      secondsPerToken += 1 / cost.tokensPerSecond;
      peakMemoryBytes += cost.peakMemoryBytes;
    }
    return { parameters, bytesOnDisk, tokensPerSecond: 1 / secondsPerToken, peakMemoryBytes };
  }

  /** What its precision costs the teacher; undefined where it computes in float32. */
  async precision({ load, precision }: OpenedTeacher): Promise<PrecisionCost | undefined> {
    if (precision === "float32") return undefined;
    const { config, emit, signal } = this.#context;
    emit({ type: "phase", phase: "evaluating", message: `comparing the ${precision} teacher with itself in float32` });
    const { sequenceLength } = config.data;
    const options = { sequenceLength, threads: this.#threads, signal };
    return (await measurePrecision(await load(), precision, this.#heldOut, options)) ?? undefined;
  }
}

/** The twin's loss minus the student's on the same tokens, in nats. */
function gain(twin: BatchScores, student: BatchScores, heldOut: readonly TransferDocument[]): Report["gainOverTwin"] {
  const differences = student.targetLogProbs.map((logProb, row) => logProb - twin.targetLogProbs[row]!);
  return estimateMean(
    differences,
    Array.from(student.documents, (document) => heldOut[document]!.origin.row),
  );
}

function splitFacts(
  documents: readonly TransferDocument[],
  report: TransferReport | undefined,
): Report["data"]["train"] {
  const { tokens, responseTokens } = measureDocuments(documents);
  return {
    rows: countSourceRows(documents),
    tokens,
    responseTokens,
    droppedRows: report ? report.rowsWithoutResponse + report.droppedResponses : 0,
  };
}

export function historyOf({ metrics, keptStep }: TrainedStudent): History {
  const steps = metrics.flatMap((line) => {
    if (isEvaluation(line)) return [];
    const { step, loss, gradientNorm, learningRate, termGradientNorms } = line;
    return [{ step, loss, gradientNorm, learningRate, ...(termGradientNorms && { termGradientNorms }) }];
  });
  const evaluations = metrics.flatMap((line) => (isEvaluation(line) ? [{ step: line.step, ...line.evaluation }] : []));
  return { steps: thinOut(steps), evaluations: thinOut(evaluations), keptStep };
}
