/** @file What a weak-to-strong run reports besides its models: the gap between weak teacher and ceiling, and how much was recovered. */

import type { Estimate } from "../evaluate/statistics.js";
import type { Scheduled } from "../losses/schedule.js";

/** All on the same held-out rows. */
export interface WeakToStrongReport {
  /** Training rows of the student, and how many of them have ground truth. */
  readonly trainingRows: number;
  readonly groundTruthRows: number;
  readonly weak: Performance;
  /** The student's start, trained on ground truth of all its rows. */
  readonly ceiling: Performance;
  /** What the ceiling has over the weak teacher: nats per token less, and share of tokens more. */
  readonly gap: Record<Measure, Estimate>;
  /** The run's own first, then those of the curve, by weight. */
  readonly students: readonly TaughtStudent[];
}

export type Measure = "loss" | "accuracy";

/** How good a model is at the text itself. */
export interface Performance {
  readonly name: string;
  /** Its folder, from the run's; as named in the config where the run did not make it. */
  readonly path: string;
  /** Nats per token. */
  readonly loss: Estimate;
  /** Share of tokens that are the model's likeliest. */
  readonly accuracy: Estimate;
}

/** A student of the weak teacher. */
export interface TaughtStudent extends Performance {
  /** λ: what multiplies the weak labels. */
  readonly weakWeight: Scheduled;
  /** max(0, (student − weak) / (ceiling − weak)); null where the ceiling is no better than the weak teacher. */
  readonly recovered: Record<Measure, Estimate | null>;
}

export const measures: readonly Measure[] = ["loss", "accuracy"];

/** A weight in words: `0.5`, or `1 → 0` for one that changes over the run. */
export function weightText(weight: Scheduled): string {
  return typeof weight === "number" ? String(weight) : `${weight.from} → ${weight.to}`;
}
