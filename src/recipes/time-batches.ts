/** @file How long a run's batches take: real steps on a student that is thrown away, and one held-out batch scored. */

import type { DistillationBatch } from "../data/batch.js";
import { makeBatch } from "../data/make-batch.js";
import { makeRowScorer } from "../evaluate/row-scores.js";
import { packBatches } from "../evaluate/score-batches.js";
import { median } from "../evaluate/statistics.js";
import { chunkRowsFor } from "../losses/chunked-head.js";
import { needsTeacher } from "../losses/objective.js";
import { finalObjective, type Objective } from "../losses/options.js";
import { rememberSignals } from "../teachers/remember-signals.js";
import { makeProjections } from "../training/projections.js";
import { type StepPlan, sequencesIn } from "../training/steps.js";
import { widestBatch } from "../training/train-student.js";
import { Trainer } from "../training/trainer.js";
import { openLiveSource } from "./open-teacher-source.js";
import type { CommonConfig, RunParts } from "./run-parts.js";

/** Turns of short work, whose median is taken. */
const mostTurns = 9;

/** Seconds beside which what happens once is little. */
const longTurn = 8;

/** Seconds of work that is done many times. */
export interface Timing {
  /** What the first time takes beyond the others: compiling, and memory that is touched for the first time. */
  readonly once: number;
  readonly each: number;
}

/** Seconds of training: `each` is of a micro-batch. */
export interface StepTiming extends Timing {
  /** What a step takes beside its micro-batches: the weights are updated. */
  readonly update: number;
}

export interface BatchTimes {
  /** The student's weights are made or read. */
  readonly loading: number;
  /** The student learns; of the twin undefined where there is none. */
  readonly training: StepTiming;
  readonly twin: StepTiming | undefined;
  /** A held-out batch by a student, the teacher's signals there already; undefined where nothing is held out. */
  readonly scoring: Timing | undefined;
  /** The teacher's signals for that batch; 0 without one. */
  readonly teacher: Timing;
  /** Of the held-out batch: positions of both views, and response rows. */
  readonly batch: { readonly student: number; readonly teacher: number; readonly rows: number };
}

/**
 * Times every kind of batch a few times.
 *
 * @param parts - the run's, opened. The teacher's weights are used where they lie.
 * @param plan - of the run's steps.
 * @param twin - what the twin learns; undefined where there is none.
 */
export async function timeBatches(
  config: Pick<CommonConfig, "data" | "training" | "cache">,
  parts: RunParts,
  plan: StepPlan,
  { threads, twin }: { readonly threads: number; readonly twin: Objective | undefined },
): Promise<BatchTimes> {
  const { student, data, objective } = parts;
  const { data: options, training, cache } = config;
  const positionCount = widestBatch([...data.train, ...data.heldOut], options.sequenceLength);
  const step = plan.at(1);
  const microBatch = makeBatch(
    data.train,
    step.sequences.slice(0, sequencesIn(training.microBatchTokens, step.plan)),
    step.plan,
  );
  const live = await openLiveSource(config, parts, threads);
  // What is in a cache is only read.
  const source = live && cache ? rememberSignals(live) : live;
  const chunkRows = chunkRowsFor(student.model.shape.headWidth, training.microBatchTokens);
  const shared = { positionCount, chunkRows, threads };
  const [loading, model] = await timed(() => student.start());

  const isAlone = step.sequences.length <= sequencesIn(training.microBatchTokens, step.plan);
  const timeTraining = async (trained: Objective): Promise<StepTiming> => {
    const guide = needsTeacher(trained) ? source : undefined;
    const options = { ...shared, steps: plan.steps, recompute: training.recompute, optimizer: training };
    const [compiling, trainer] = await timed(() => Trainer.create(model, guide, trained, options));
    try {
      if (cache) await guide?.signal(microBatch);
      const learn = (turn: number, ...batches: DistillationBatch[]) =>
        trainer.step(batches, Math.min(turn, plan.steps), training.learningRate);
      const { once, each: step } = await timeTurns((turn) => learn(turn, microBatch));
      // A step of one micro-batch is not taken apart, nor one that is long beside an update.
      const isWhole = isAlone || step > longTurn;
      const [both] = isWhole ? [step] : await timed(() => learn(mostTurns + 2, microBatch, microBatch));
      const each = isWhole ? step : Math.min(step, both - step);
      return { once: compiling + once, each, update: step - each };
    } finally {
      await trainer.dispose();
    }
  };
  const timeScoring = async (): Promise<Pick<BatchTimes, "scoring" | "teacher" | "batch">> => {
    const nothing = { once: 0, each: 0 };
    const [batch] = packBatches(data.heldOut, { ...options, batchTokens: training.microBatchTokens });
    if (!batch) return { scoring: undefined, teacher: nothing, batch: { student: 0, teacher: 0, rows: 0 } };
    const scored = { ...shared, signal: source?.form, objective: finalObjective(objective) };
    const [compiling, scorer] = await timed(() => makeRowScorer(model, scored));
    try {
      const projections = makeProjections(objective, model, source?.form, training.seed);
      const weights = { ...Object.fromEntries([...model.weights, ...projections]), ...source?.headFeeds };
      const teacher = live ? await timeTurns(() => live.signal(batch)) : nothing;
      const signal = await live?.signal(batch);
      const { once, each } = await timeTurns(() => scorer.score(batch, weights, signal));
      return {
        scoring: { once: compiling + once, each },
        teacher,
        batch: { student: batch.student.ids.length, teacher: batch.teacher.ids.length, rows: batch.rows.count },
      };
    } finally {
      await scorer.dispose();
    }
  };
  try {
    const learning = await timeTraining(objective);
    return { loading, training: learning, twin: twin && (await timeTraining(twin)), ...(await timeScoring()) };
  } finally {
    await live?.dispose();
  }
}

/** Seconds and result of some work. */
export async function timed<Result>(work: () => Promise<Result>): Promise<readonly [seconds: number, Result]> {
  const started = performance.now();
  const result = await work();
  return [(performance.now() - started) / 1000, result];
}

/**
 * Turns of the same work, the first of which finds memory and caches cold: two, or as many as make up a second; a long one stands
 * for itself.
 */
async function timeTurns(work: (turn: number) => Promise<unknown>): Promise<Timing> {
  const [first] = await timed(() => work(1));
  if (first > longTurn) return { once: 0, each: first };
  const others: number[] = [];
  for (let sum = 0; sum < 1 && others.length < mostTurns; sum += others.at(-1)!) {
    others.push((await timed(() => work(2 + others.length)))[0]);
  }
  const each = median(others);
  return { once: Math.max(0, first - each), each };
}
