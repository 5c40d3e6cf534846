/** @file A model measured on batches: its scorer compiled, run over all of them, and freed. */

import type { DistillationBatch } from "../data/batch.js";
import { chunkRowsFor } from "../losses/chunked-head.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { makeRowScorer } from "./row-scores.js";
import { type BatchScores, type ScoringOptions, scoreBatches } from "./score-batches.js";

export interface ScoreModelOptions extends ScoringOptions {
  /** Positions that a sequence of a batch may have. */
  readonly positionCount: number;
  readonly threads: number;
  /** The teacher to compare with. */
  readonly teacher?: TeacherSource | undefined;
}

/** Scores of every response row of the batches. */
export async function scoreModel(
  model: ModelWithWeights,
  batches: readonly DistillationBatch[],
  { positionCount, threads, teacher, ...options }: ScoreModelOptions,
): Promise<BatchScores> {
  const mostRows = batches.reduce((most, { rows }) => Math.max(most, rows.count), 1);
  const chunkRows = chunkRowsFor(model.shape.headWidth, mostRows);
  const scorer = await makeRowScorer(model, { positionCount, chunkRows, threads, signal: teacher?.form });
  try {
    const weights = { ...Object.fromEntries(model.weights), ...teacher?.headFeeds };
    return await scoreBatches(batches, scorer, weights, teacher, options);
  } finally {
    await scorer.dispose();
  }
}
