/** @file What a teacher says about the response rows of a batch, and where it comes from. */

import type { DistillationBatch } from "../data/batch.js";

interface SignalBase {
  /** Width of the teacher's head; tokens beyond the tokenizer's are padding. */
  readonly headWidth: number;
  readonly rows: number;
}

/**
 * Final hidden states, after the final norm. The teacher's output head is applied inside the student's loss, chunk by
 * chunk: exact full-vocabulary distillation without an array of rows × vocabulary.
 */
export interface HiddenSignal extends SignalBase {
  readonly kind: "hidden";
  /** `[rows, hiddenSize]`. */
  readonly hidden: Float32Array;
  readonly hiddenSize: number;
}

/** Logits or log-probs over the whole head, `[rows, headWidth]`. */
export interface DenseSignal extends SignalBase {
  readonly kind: "dense";
  readonly logits: Float32Array;
}

/** The k likeliest tokens per row, log-probs at temperature 1 over the whole head. */
export interface SparseSignal extends SignalBase {
  readonly kind: "sparse";
  readonly k: number;
  /** `[rows, k]`. */
  readonly ids: Int32Array;
  /** `[rows, k]`. */
  readonly logProbs: Float32Array;
  /** By temperature τ: log Z_τ − (log Z_1)/τ, `[rows]`. */
  readonly logNormalizers: ReadonlyMap<number, Float32Array>;
}

export type TeacherSignal = HiddenSignal | DenseSignal | SparseSignal;

/** Anything that can say what a teacher thinks of a batch. */
export interface TeacherSource {
  signal(batch: DistillationBatch): Promise<TeacherSignal>;
  dispose(): Promise<void>;
}
