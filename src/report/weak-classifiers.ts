/** @file What a weak-to-strong run of classifiers reports besides its models: the gap in accuracy, what of it was recovered, and whose mistakes were learned. */

import type { Estimate } from "../evaluate/statistics.js";
import type { Scheduled } from "../losses/schedule.js";

/** All on the same held-out texts with a label. */
export interface WeakClassifiersReport {
  /** Training texts of the student, and of how many it looked at the label. */
  readonly trainingRows: number;
  readonly groundTruthRows: number;
  /** Texts that the weak teacher was trained on; null where it taught as it is. */
  readonly weakTrainingRows: number | null;
  /** Texts with a label, and how many of them the weak teacher puts into a wrong class. */
  readonly texts: number;
  readonly weakMistakes: number;
  readonly weak: ClassifierPerformance;
  /** The student's start, trained on the labels of its texts. */
  readonly ceiling: StrongPerformance;
  /** The ceiling's accuracy minus the weak teacher's. */
  readonly gap: Estimate;
  /** The run's own first, then those of the curve, by weight. */
  readonly students: readonly TaughtClassifier[];
}

export interface ClassifierPerformance {
  readonly name: string;
  /** Its folder, from the run's; as named in the config where the run did not make it. */
  readonly path: string;
  readonly accuracy: Estimate;
  readonly macroF1: Estimate;
}

/** A strong model beside the weak teacher. */
export interface StrongPerformance extends ClassifierPerformance {
  /** Share of texts that it puts into the weak teacher's class; of all, and of those where the weak teacher is right or wrong. */
  readonly agreement: {
    readonly all: Estimate;
    readonly weakIsRight: Estimate | null;
    readonly weakIsWrong: Estimate | null;
  };
}

/** A student of the weak teacher. */
export interface TaughtClassifier extends StrongPerformance {
  /** λ: what multiplies the weak labels. */
  readonly weakWeight: Scheduled;
  /** max(0, (student − weak) / (ceiling − weak)) in accuracy; null where the ceiling is no better than the weak teacher. */
  readonly recovered: Estimate | null;
}
