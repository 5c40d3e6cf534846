/** @file What a teacher says about the response rows of a batch, and where it comes from. */

import type { DistillationBatch } from "../data/batch.js";
import type { Feeds } from "../runtime/executor.js";
import type { SignalForm } from "./signal-feeds.js";

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
  /** What its layers compute at the compared places, where the form has taps; see data/places.ts. */
  readonly tapped?: TappedLayers | undefined;
}

/** By tap name `[sequences, places, width]`. */
export interface TappedLayers {
  readonly sequences: number;
  readonly places: number;
  readonly taps: ReadonlyMap<string, Float32Array>;
}

/** Logits or log-probs over the whole head, `[rows, headWidth]`. */
export interface DenseSignal extends SignalBase {
  readonly kind: "dense";
  readonly logits: Float32Array;
}

/** Final hidden states of several teachers, whose distributions are mixed inside the student's loss. */
export interface MixtureSignal extends SignalBase {
  readonly kind: "mixture";
  readonly members: readonly HiddenSignal[];
}

/** Stands for the log of 0 where a row of a sparse signal has fewer tokens than there is room for. */
export const absentLogProb = -1e30;

/** Some tokens per row, log-probs at temperature 1 over the whole head. */
export interface SparseSignal extends SignalBase {
  readonly kind: "sparse";
  readonly k: number;
  /** `[rows, k]`. */
  readonly ids: Int32Array;
  /** `[rows, k]`; {@link absentLogProb} where a row has fewer than k, with an id that it has already. */
  readonly logProbs: Float32Array;
  /** `[rows, k]`: how often each token counts; 1 unless it was drawn at random. Left out: all 1. */
  readonly importance?: Float32Array | undefined;
  /** Log-prob of each row's own token, `[rows]`. */
  readonly targetLogProbs?: Float32Array | undefined;
  /** By temperature τ: log Z_τ − (log Z_1)/τ, `[rows]`. */
  readonly logNormalizers: ReadonlyMap<number, Float32Array>;
}

export type TeacherSignal = HiddenSignal | DenseSignal | MixtureSignal | SparseSignal;

/** Anything that can say what a teacher thinks of a batch. */
export interface TeacherSource {
  /** What every signal of it looks like. */
  readonly form: SignalForm;
  /** What every graph that reads the signals is fed besides: the output head that goes with hidden states. */
  readonly headFeeds: Feeds;
  signal(batch: DistillationBatch): Promise<TeacherSignal>;
  dispose(): Promise<void>;
}

/** What a signal takes in memory. */
export function signalBytes(signal: TeacherSignal): number {
  switch (signal.kind) {
    case "hidden": {
      const taps = [...(signal.tapped?.taps.values() ?? [])];
      return taps.reduce((sum, { byteLength }) => sum + byteLength, signal.hidden.byteLength);
    }
    case "dense":
      return signal.logits.byteLength;
    case "mixture":
      return signal.members.reduce((sum, member) => sum + signalBytes(member), 0);
    case "sparse": {
      const { ids, logProbs, importance, logNormalizers } = signal;
      const arrays = [ids, logProbs, ...(importance ? [importance] : []), ...logNormalizers.values()];
      return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
    }
  }
}
