/** @file How long a run will take: what it does, how often, and how long a few of its own batches take. */

import { differingTokensShown } from "../evaluate/differing-tokens.js";
import { needsTeacher } from "../losses/objective.js";
import { planSteps, type StepPlan, sequencesIn } from "../training/steps.js";
import { rowsPerEvaluation } from "../training/train-student.js";
import { documentsToAsk } from "./fill-cache.js";
import { ownStartTokens } from "./measure-own-start.js";
import { mixtureOf } from "./open-models.js";
import type { CommonConfig, RunParts } from "./run-parts.js";
import { calibrationTokens } from "./student-from-teacher.js";
import { type BatchTimes, type StepTiming, timeBatches } from "./time-batches.js";
import { twinObjective } from "./train-and-report.js";

/** Seconds of the parts of a run. */
export interface TimeEstimate {
  readonly seconds: number;
  /** Models and rows are opened, a student's parts chosen, its start measured, a cache filled. */
  readonly preparation: number;
  /** Responses are written; 0 where none are. */
  readonly writing: number;
  /** A weak teacher is trained; 0 where none is. */
  readonly weak: number;
  readonly training: number;
  /** Of the twin; 0 where none is trained. */
  readonly twin: number;
  /** Before the first step, and between steps. */
  readonly evaluation: number;
  /** All models on all held-out rows, and their speed. */
  readonly report: number;
}

export interface EstimateOptions {
  readonly threads: number;
  /** Seconds that it took to open the parts. */
  readonly opening: number;
  /** Seconds that the responses will take; 0 where none are written. */
  readonly writing: number;
  /** How often the student is trained: a weak-to-strong run does so at other weights too, and for its ceiling. */
  readonly students?: number | undefined;
  /** The training of a weak teacher. */
  readonly weak?: { readonly training: CommonConfig["training"]; readonly parts: RunParts } | undefined;
}

/** Seconds in which a process of its own starts, before it loads a model. */
const processSeconds = 1;

/**
 * Trains a copy of the student for a few micro-batches and scores one held-out batch, and multiplies.
 *
 * @param parts - the run's, opened.
 */
export async function estimateTime(
  config: Pick<CommonConfig, "data" | "training" | "cache">,
  parts: RunParts,
  { threads, opening, writing, students = 1, weak }: EstimateOptions,
): Promise<TimeEstimate> {
  const { data, objective, teacher, student, context } = parts;
  const { training } = config;
  const plan = planSteps(data.train, { ...config.data, ...training });
  const isTwinTrained = training.twin && needsTeacher(objective);
  const times = await timeBatches(config, parts, plan, { threads, twin: isTwinTrained ? twinObjective : undefined });
  const { loading, scoring } = times;
  const once = scoring?.once ?? 0;
  const trained = students + (isTwinTrained ? 1 : 0);

  const heldOutRows = data.heldOut.reduce((sum, { responseTokens }) => sum + responseTokens, 0);
  const perTeacherToken = times.teacher.each / Math.max(1, times.batch.teacher);
  const perTeacherRow = times.teacher.each / Math.max(1, times.batch.rows);
  const perToken = (scoring?.each ?? 0) / Math.max(1, times.batch.student);
  const perRow = (scoring?.each ?? 0) / Math.max(1, times.batch.rows);

  const asked = (await documentsToAsk(config, parts)).reduce((sum, document) => sum + document.teacher.ids.length, 0);
  const calibration = student.pending ? calibrationTokens * perTeacherToken + times.teacher.once : 0;
  const tokens = data.heldOut.reduce((sum, document) => sum + document.student.ids.length, 0);
  const sampled = Math.min(ownStartTokens, tokens);
  const start = loading + 2 * once + sampled * (perToken + perTeacherToken) + 2 * (scoring?.each ?? 0);
  const preparation = opening + calibration + times.teacher.once + asked * perTeacherToken + start;

  const between = Math.min(heldOutRows, rowsPerEvaluation);
  const evaluations = 1 + Math.ceil(plan.steps / (training.evaluateEvery ?? plan.steps));
  // A teacher's signals are kept between evaluations.
  const evaluation = trained * (once + between * (evaluations * perRow + perTeacherRow));

  const scored = trained + 1 + (context && teacher?.model.fingerprint !== student.fingerprint ? 1 : 0);
  const own = costOfProcess(times, perToken, training.microBatchTokens);
  const teachers = teacher ? mixtureOf(teacher).length : 0;
  const taught = teachers * costOfProcess(times, perTeacherToken / Math.max(1, teachers), training.microBatchTokens);
  const shown = Math.min(differingTokensShown, data.heldOut.length);
  const shownTokens = (shown * tokens) / Math.max(1, data.heldOut.length);
  const differing = teacher ? once + shownTokens * (perToken + perTeacherToken) : 0;
  const report =
    scored * (loading + once + heldOutRows * perRow) + heldOutRows * perTeacherRow + own + taught + differing;

  const parted = {
    preparation,
    writing,
    weak: weak ? await estimateWeak({ ...config, training: weak.training }, weak.parts, threads) : 0,
    training: students * (loading + trainingSeconds(times.training, plan, training.microBatchTokens)),
    twin: times.twin ? loading + trainingSeconds(times.twin, plan, training.microBatchTokens) : 0,
    evaluation,
    report,
  };
  return { seconds: Object.values(parted).reduce((sum, each) => sum + each, 0), ...parted };
}

/** Seconds in which a weak teacher is trained. */
async function estimateWeak(
  config: Pick<CommonConfig, "data" | "training">,
  parts: RunParts,
  threads: number,
): Promise<number> {
  const { preparation, training, evaluation } = await estimateTime(config, parts, { threads, opening: 0, writing: 0 });
  return preparation + training + evaluation;
}

function trainingSeconds({ once, each, update }: StepTiming, plan: StepPlan, microBatchTokens: number): number {
  let microBatches = 0;
  for (let step = 1; step <= plan.steps; step++) {
    const { sequences, plan: epoch } = plan.at(step);
    microBatches += sequences.length / sequencesIn(microBatchTokens, epoch);
  }
  return once + microBatches * each + plan.steps * update;
}

/** A model's speed and memory, measured in a process of its own: it reads a micro-batch some times, for two seconds at least. */
function costOfProcess({ loading, scoring }: BatchTimes, perToken: number, microBatchTokens: number): number {
  const once = scoring?.once ?? 0;
  return processSeconds + loading + once + Math.max(4 * perToken * microBatchTokens, 2);
}
