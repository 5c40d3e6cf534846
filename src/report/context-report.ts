/** @file What only a run of the `context` recipe reports: how much of the context moved in, and what a call saves without it. */

import type { AnsweredInput, CallCost } from "../evaluate/compare-answers.js";
import type { Estimate } from "../evaluate/statistics.js";

/** Part of report.json. */
export interface ContextReport {
  /**
   * Share of the gap that training closed: 1 − KL(teacher with context ‖ student after) / KL(teacher with context ‖ student before),
   * on the same held-out tokens, the students without the context. Null where nothing was held out.
   */
  readonly gapClosed: Estimate | null;
  /** Mean tokens of a held-out prompt on either side. */
  readonly promptTokens: { readonly teacher: number; readonly student: number };
  /** Measured one call at a time, each side reading its whole prompt; null where there is no tokenizer. */
  readonly calls: { readonly answers: number; readonly teacher: CallCost; readonly student: CallCost } | null;
  readonly answers: readonly AnsweredInput[];
  /** What the teacher wrote; null where the rows came with responses. */
  readonly writing: {
    readonly responses: number;
    readonly tokens: number;
    readonly cut: number;
    readonly empty: number;
  } | null;
  /** Null where the teacher stayed as it was. */
  readonly movingAverage: number | null;
}
