/** @file How long a run will take, told from a few of its own batches: real steps on a student that is thrown away. */

import { makeBatch } from "../data/make-batch.js";
import { makeRowScorer } from "../evaluate/row-scores.js";
import { packBatches } from "../evaluate/score-batches.js";
import { chunkRowsFor } from "../losses/chunked-head.js";
import { needsTeacher } from "../losses/objective.js";
import { finalObjective, type Objective } from "../losses/options.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import { makeProjections } from "../training/projections.js";
import { planSteps, sequencesIn } from "../training/steps.js";
import { rowsPerEvaluation, widestBatch } from "../training/train-student.js";
import { Trainer } from "../training/trainer.js";
import { type CommonConfig, openSource, type RunParts } from "./run-parts.js";
import { twinObjective } from "./train-and-report.js";

/** Seconds of the parts of a run. */
export interface TimeEstimate {
  readonly seconds: number;
  readonly training: number;
  /** 0 where no twin is trained. */
  readonly twin: number;
  /** Between steps, and all models at the end. */
  readonly evaluation: number;
}

/**
 * Trains a copy of the student for two micro-batches and scores one held-out batch, and multiplies.
 *
 * @param parts - the run's, opened. The teacher's weights are used where they lie.
 */
export async function estimateTime(
  { data: { sequenceLength, packing, shuffle }, training }: Pick<CommonConfig, "data" | "training">,
  parts: RunParts,
  threads: number,
): Promise<TimeEstimate> {
  const { student, data, objective } = parts;
  const documents = [...data.train, ...data.heldOut];
  const positionCount = widestBatch(documents, sequenceLength);
  const plan = planSteps(data.train, { sequenceLength, packing, shuffle, ...training });
  const step = plan.at(1);
  const size = sequencesIn(training.microBatchTokens, step.plan);
  const microBatch = makeBatch(data.train, step.sequences.slice(0, size), step.plan);
  const microBatches = plan.steps * Math.ceil(step.sequences.length / size);
  const localTeacher = await openSource(parts, { positionCount, threads });
  const chunkRows = chunkRowsFor(student.model.shape.headWidth, training.microBatchTokens);
  const shared = { positionCount, chunkRows, threads };

  const secondsPerMicroBatch = async (trained: Objective): Promise<number> => {
    const guide = needsTeacher(trained) ? localTeacher : undefined;
    const options = { ...shared, steps: plan.steps, recompute: training.recompute, optimizer: training };
    const trainer = await Trainer.create(await student.start(), guide, trained, options);
    try {
      return await secondTime((turn) => trainer.step([microBatch], turn, training.learningRate));
    } finally {
      await trainer.dispose();
    }
  };
  try {
    const learning = microBatches * (await secondsPerMicroBatch(objective));
    const isTwinTrained = training.twin && needsTeacher(objective);
    const twin = isTwinTrained ? microBatches * (await secondsPerMicroBatch(twinObjective)) : 0;
    const evaluation = await secondsToEvaluate(localTeacher, isTwinTrained ? 2 : 1);
    return { seconds: learning + twin + evaluation, training: learning, twin, evaluation };
  } finally {
    await localTeacher?.dispose();
  }

  /** @param students - trained ones. */
  async function secondsToEvaluate(guide: TeacherSource | undefined, students: number): Promise<number> {
    const [batch] = packBatches(data.heldOut, { sequenceLength, batchTokens: training.microBatchTokens });
    if (!batch) return 0;
    const model = await student.start();
    const scorer = await makeRowScorer(model, { ...shared, signal: guide?.form, objective: finalObjective(objective) });
    try {
      const projections = makeProjections(objective, model, guide?.form, training.seed);
      const weights = { ...Object.fromEntries([...model.weights, ...projections]), ...guide?.headFeeds };
      const signal = await guide?.signal(batch);
      const taught = guide ? await secondTime(() => guide.signal(batch)) : 0;
      const scored = await secondTime(() => scorer.score(batch, weights, signal));
      const rows = data.heldOut.reduce((sum, { responseTokens }) => sum + responseTokens, 0);
      const between = Math.min(rows, rowsPerEvaluation);
      const evaluations = 1 + Math.ceil(plan.steps / (training.evaluateEvery ?? plan.steps));
      // The report scores each trained student and their common start; a teacher's signals are kept between evaluations.
      const scoredRows = students * evaluations * between + (students + 1) * rows;
      return (scored * scoredRows + taught * (students * between + rows)) / batch.rows.count;
    } finally {
      await scorer.dispose();
    }
  }
}

/** Seconds of the second of two turns: the first one finds memory and caches cold. */
async function secondTime(work: (turn: number) => Promise<unknown>): Promise<number> {
  await work(1);
  const started = performance.now();
  await work(2);
  return (performance.now() - started) / 1000;
}
