/** @file Scores of whole sets of documents, batch by batch, with the document and place that each score belongs to. */

import type { DistillationBatch } from "../data/batch.js";
import { makeBatch } from "../data/make-batch.js";
import { planEpoch } from "../data/plan.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { InterruptedError } from "../errors.js";
import type { Feeds } from "../runtime/executor.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import type { RowScorer } from "./row-scores.js";
import { meanOfKnown } from "./statistics.js";

export interface ScoringOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Scores of every response row of the batches. */
export interface BatchScores {
  readonly count: number;
  /** Natural log-prob of each row's token. */
  readonly targetLogProbs: Float32Array;
  /** 1 where each row's token is the likeliest; undefined for a teacher, and for exported files. */
  readonly accuracy?: Float32Array | undefined;
  readonly objective: Float32Array | undefined;
  readonly kl: Float32Array | undefined;
  readonly agreement: Float32Array | undefined;
  /** The teacher's natural log-prob of each row's token, on what the teacher sees. */
  readonly teacherTargetLogProbs: Float32Array | undefined;
  /** The largest log-prob that the teacher gives any token in each row's place. */
  readonly teacherBestLogProbs?: Float32Array | undefined;
  /** Index of each row's document. */
  readonly documents: Int32Array;
  /** Index of each row's token within the student's view of its document. */
  readonly positions: Int32Array;
}

const columnNames = [
  "targetLogProbs",
  "accuracy",
  "objective",
  "kl",
  "agreement",
  "teacherTargetLogProbs",
  "teacherBestLogProbs",
] as const;

/** Scores all response rows of some batches, in their order. */
export async function scoreBatches(
  batches: readonly DistillationBatch[],
  scorer: RowScorer,
  weights: Feeds,
  teacher: TeacherSource | undefined,
  options: ScoringOptions = {},
): Promise<BatchScores> {
  const count = batches.reduce((sum, { rows }) => sum + rows.count, 0);
  const columns = new Map<(typeof columnNames)[number], Float32Array>();
  const rowDocuments = new Int32Array(count);
  const positions = new Int32Array(count);
  let at = 0;
  for (const batch of batches) {
    if (options.signal?.aborted) throw new InterruptedError("evaluate: stopped before all rows were scored.");
    const scores = await scorer.score(batch, weights, await teacher?.signal(batch));
    for (const name of columnNames) {
      const values = scores[name];
      if (!values) continue;
      if (!columns.has(name)) columns.set(name, new Float32Array(count));
      columns.get(name)!.set(values, at);
    }
    rowDocuments.set(batch.rows.documents, at);
    for (let row = 0; row < batch.rows.count; row++) {
      // The row at position i − 1 scores token i.
      positions[at + row] = batch.student.positions[batch.rows.studentIndex[row]!]! + 1;
    }
    at += batch.rows.count;
    options.onProgress?.(at, count);
  }
  return {
    count,
    targetLogProbs: columns.get("targetLogProbs") ?? new Float32Array(0),
    accuracy: columns.get("accuracy"),
    objective: columns.get("objective"),
    kl: columns.get("kl"),
    agreement: columns.get("agreement"),
    teacherTargetLogProbs: columns.get("teacherTargetLogProbs"),
    teacherBestLogProbs: columns.get("teacherBestLogProbs"),
    documents: rowDocuments,
    positions,
  };
}

/** Share of the rows that have a target at which it is the likeliest outcome; NaN where none has. */
export function accuracyOf({ accuracy, targetLogProbs }: BatchScores): number {
  return meanOfKnown(targetLogProbs.map((logProb, row) => (Number.isNaN(logProb) ? Number.NaN : accuracy![row]!)));
}

/** What the teacher that a student was compared with scored itself. */
export function scoresOfTeacher(scores: BatchScores): BatchScores {
  const { count, documents, positions, teacherTargetLogProbs: targetLogProbs = new Float32Array(0) } = scores;
  const nothing = { objective: undefined, kl: undefined, agreement: undefined, teacherTargetLogProbs: undefined };
  return { count, documents, positions, targetLogProbs, ...nothing };
}

/** The documents packed into batches of about `batchTokens` positions. */
export function packBatches(
  documents: readonly TransferDocument[],
  { sequenceLength, batchTokens }: { readonly sequenceLength: number; readonly batchTokens: number },
): readonly DistillationBatch[] {
  const plan = planEpoch(documents, { sequenceLength, packing: true, shuffle: false, seed: 0, epoch: 0 });
  const size = Math.max(1, Math.floor(batchTokens / plan.sequenceLength));
  const batches: DistillationBatch[] = [];
  for (let i = 0; i < plan.sequences.length; i += size) {
    batches.push(makeBatch(documents, plan.sequences.slice(i, i + size), plan));
  }
  return batches;
}
