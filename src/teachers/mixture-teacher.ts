/** @file Several local teachers as one, whose distribution is the weighted mean of theirs. */

import { sharesOf } from "../losses/mixture.js";
import type { Feeds } from "../runtime/executor.js";
import { mixedHeadName, type SignalForm, teacherHeadName } from "../signals/signal-feeds.js";
import type { HiddenSignal, TeacherSource } from "../signals/teacher-signal.js";
import type { LocalTeacher } from "./local-teacher.js";

/** A teacher, and how much it counts beside the others. */
export interface MixtureMember {
  readonly teacher: LocalTeacher;
  /** Above 0; only the ratios of the weights mean something. */
  readonly weight: number;
}

/** The form of the signals of several teachers with these sizes and weights. */
export function mixtureFormOf(
  members: readonly { readonly hiddenSize: number; readonly headWidth: number; readonly weight: number }[],
): SignalForm & { readonly kind: "mixture" } {
  const shares = sharesOf(members);
  return {
    kind: "mixture",
    headWidth: Math.min(...members.map(({ headWidth }) => headWidth)),
    members: members.map(({ hiddenSize, headWidth }, i) => ({ hiddenSize, headWidth, share: shares[i]! })),
  };
}

/**
 * p = Σ weight · p_i over the tokens that all heads have, with weights scaled to sum to 1. A temperature softens the mixture, not its
 * members: p^(1/τ), normalized.
 *
 * @param members - at least one; disposed with the mixture.
 * @see You et al. 2017, "Learning from Multiple Teacher Networks" (KDD 2017), the mean of the teachers' outputs.
 */
export function makeMixtureTeacher(members: readonly MixtureMember[]): TeacherSource {
  const form = mixtureFormOf(members.map(({ teacher, weight }) => ({ ...teacher.form, weight })));
  const { headWidth } = form;
  const headFeeds: Feeds = Object.fromEntries(
    members.map(({ teacher }, i) => [mixedHeadName(i), teacher.headFeeds[teacherHeadName]!]),
  );
  return {
    form,
    headFeeds,
    async signal(batch) {
      const signals: HiddenSignal[] = [];
      for (const { teacher } of members) signals.push(await teacher.signal(batch));
      return { kind: "mixture", headWidth, rows: batch.rows.count, members: signals };
    },
    async dispose() {
      for (const { teacher } of members) await teacher.dispose();
    },
  };
}
