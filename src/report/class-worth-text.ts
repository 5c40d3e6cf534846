/** @file Whether a teacher of classes is any good, in words. */

import type { ClassRival, ClassRivalName } from "../evaluate/class-worth.js";
import type { Estimate } from "../evaluate/statistics.js";
import { isClearlyAhead } from "../evaluate/teacher-worth.js";
import { formatPercent } from "./format.js";
import { rivalNames } from "./worth-text.js";

/** Points of accuracy: `+2.1`, `−0.4`. */
export function formatPoints(share: number): string {
  const points = (100 * share).toFixed(1);
  return share < 0 ? points.replace("-", "−") : `+${points}`;
}

/** `+0.3 to +4.1`; empty where there is no interval. */
export function formatPointsInterval({ low, high }: Estimate): string {
  return low === null || high === null ? "" : `${formatPoints(low)} to ${formatPoints(high)}`;
}

/** Whom the teacher is ahead of, and whom not, in points of accuracy. */
export function classWorthSentence(rivals: readonly ClassRival[]): string | null {
  if (rivals.length === 0) return null;
  const list = (some: readonly ClassRival[]) =>
    some.map(({ name, lead }) => `${rivalNames[name].long} (${formatPoints(lead.value)})`).join(", ");
  const [ahead, rest] = [rivals.filter(isClearlyAhead), rivals.filter((rival) => !isClearlyAhead(rival))];
  const parts = [
    ...(ahead.length > 0 ? [`is ahead of ${list(ahead)}`] : []),
    ...(rest.length > 0 ? [`is not clearly ahead of ${list(rest)}`] : []),
  ];
  return `The teacher ${parts.join(" and ")} in points of accuracy.`;
}

/** Those before whom a teacher has to be, or it should not teach. */
const mustBeat: readonly ClassRivalName[] = ["majority", "student-before"];

/** A warning for each of those that the teacher is not clearly ahead of. */
export function warnAboutClassTeacher(
  rivals: readonly ClassRival[],
): readonly { readonly code: string; readonly message: string }[] {
  return rivals
    .filter((rival) => mustBeat.includes(rival.name) && !isClearlyAhead(rival))
    .map((rival) => {
      const { code, long } = rivalNames[rival.name];
      const interval = formatPointsInterval(rival.lead);
      const lead = `${formatPoints(rival.lead.value)}${interval === "" ? "" : `, 95 % interval ${interval}`}`;
      const accuracy = `${formatPercent(rival.accuracy + rival.lead.value)} against ${formatPercent(rival.accuracy)} of held-out texts`;
      const message = `The teacher is not better than ${long}: it puts ${accuracy} into their class (${lead} points). It should not teach this data.`;
      return { code: `teacher-not-better-than-${code}`, message };
    });
}
