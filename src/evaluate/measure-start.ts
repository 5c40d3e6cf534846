/** @file What a student is before it has learned anything: how far from its teacher, and how fast. */

import type { DistillationBatch } from "../data/batch.js";
import { chunkRowsFor } from "../losses/chunked-head.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { makeRowScorer } from "./row-scores.js";
import { accuracyOf, type BatchScores } from "./score-batches.js";
import { type ScoreModelOptions, scoreModel } from "./score-model.js";
import { mean, meanOfKnown } from "./statistics.js";

export interface StartMeasure {
  /** Mean KL(teacher ‖ student) in nats per token; null without a teacher. */
  readonly klFromTeacher: number | null;
  readonly perplexity: number;
  /** Share of labelled documents put into their class; left out where tokens are predicted. */
  readonly accuracy?: number;
  /** Tokens per second through the body and the output head, forward only. */
  readonly tokensPerSecond: number;
}

/** Measures a model on some batches: all of them for the losses, which are also returned, the first of them once more for the speed. */
export async function measureStart(
  model: ModelWithWeights,
  batches: readonly DistillationBatch[],
  options: ScoreModelOptions,
): Promise<{ readonly measure: StartMeasure; readonly scores: BatchScores }> {
  const scores = await scoreModel(model, batches, options);
  const measure = {
    klFromTeacher: scores.kl ? mean(scores.kl) : null,
    perplexity: Math.exp(-meanOfKnown(scores.targetLogProbs)),
    ...(model.shape.classHead && { accuracy: accuracyOf(scores) }),
    tokensPerSecond: await measureSpeed(model, batches[0]!, options),
  };
  return { measure, scores };
}

async function measureSpeed(
  model: ModelWithWeights,
  batch: DistillationBatch,
  { positionCount, threads }: ScoreModelOptions,
): Promise<number> {
  const chunkRows = chunkRowsFor(model.shape.headWidth, batch.rows.count);
  const scorer = await makeRowScorer(model, { positionCount, chunkRows, threads });
  try {
    const weights = Object.fromEntries(model.weights);
    await scorer.score(batch, weights);
    const started = performance.now();
    await scorer.score(batch, weights);
    return (1000 * batch.student.ids.length) / (performance.now() - started);
  } finally {
    await scorer.dispose();
  }
}
