/** @file What a model is fed and what is scored: the two sides' tokens, and the response rows that tie them together. */

import type { TransferDocument } from "./transfer-set.js";

/**
 * One side's tokens, packed or padded into a rectangle, all arrays `[sequences, tokens]` in row-major order.
 *
 * A position attends to earlier positions of its own document only. Padding belongs to document −1 and is never scored.
 */
export interface TokenBatch {
  readonly sequences: number;
  readonly tokens: number;
  readonly ids: Int32Array;
  /** Position within the document, from 0. */
  readonly positions: Int32Array;
  /** Which document of the sequence a position belongs to, from 0; −1 for padding. */
  readonly documents: Int32Array;
}

/** Stands in `targetIds` for rows without ground truth: terms that compare with the target are 0 there. */
export const noTarget = -1;

/**
 * Every scored position, ordered by (document, response offset). Position i − 1 scores token i: the shift is done here, once.
 * All arrays are `[count]`.
 */
export interface ResponseRows {
  readonly count: number;
  /** Flat index into the student's `[sequences * tokens]` positions. */
  readonly studentIndex: Int32Array;
  /** Flat index into the teacher's `[sequences * tokens]` positions. */
  readonly teacherIndex: Int32Array;
  /** The token that the position predicts, or the class of its document; `noTarget` where that is not known. */
  readonly targetIds: Int32Array;
  /** Weight of the row in every mean; 1 unless the data says otherwise. */
  readonly weights: Float32Array;
  /** The same in terms that look at `targetIds`: times the class's weight, and 0 in documents without ground truth. Left out where it is the same. */
  readonly targetWeights?: Float32Array | undefined;
  /** Index of the document (in the data set) that the row comes from. */
  readonly documents: Int32Array;
  /** `[count, classes]`, where the data itself says how likely each class is. */
  readonly probabilities?: Float32Array;
  /** Which of its document's learned tokens the row predicts, from 0. */
  readonly offsets: Int32Array;
}

/** One micro-batch: what the student sees, what the teacher sees, and what is scored. */
export interface DistillationBatch {
  readonly student: TokenBatch;
  /** The same object as `student` where both sides see the same tokens. */
  readonly teacher: TokenBatch;
  readonly rows: ResponseRows;
  /** The data set that `rows.documents` are indices of. */
  readonly documents: readonly TransferDocument[];
}
