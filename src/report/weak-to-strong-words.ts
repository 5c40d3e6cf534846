/** @file What a weak-to-strong run came to, in sentences: which gap there was, and what of it was recovered. */

import type { Estimate } from "../evaluate/statistics.js";
import { formatNumber, formatPercent } from "./format.js";
import { type Measure, measures, type WeakToStrongReport } from "./weak-to-strong.js";

/** Sentences on the run's own student, with intervals, and without a claim that the numbers do not carry. */
export function weakToStrongSentences(report: WeakToStrongReport): readonly string[] {
  const { weak, ceiling, students, gap } = report;
  const recoveries = measures.map((measure) => {
    const sides = { weak: value(measure, weak[measure].value), ceiling: value(measure, ceiling[measure].value) };
    return recoverySentence(measure, sides, students[0]!.recovered[measure], gap[measure]);
  });
  return [...recoveries, groundTruthSentence(report)];
}

/** What a student recovers of a gap. */
export function recoverySentence(
  measure: Measure,
  performance: { readonly weak: string; readonly ceiling: string },
  recovered: Estimate | null,
  { low, high }: Estimate,
): string {
  const sides = `${performance.weak} for the weak teacher, ${performance.ceiling} for the ceiling`;
  if (!recovered) {
    return (
      `In ${measure} there is no gap to recover, and none is claimed: the ceiling, which is the same student on ground ` +
      `truth, is no better than the weak teacher (${sides}).`
    );
  }
  const worse = recovered.value === 0 ? "the student is no better than its weak teacher and recovers nothing" : null;
  const interval = recovered.low === null ? "" : `, 95 % interval ${percents(recovered.low, recovered.high!)}`;
  const share = worse ?? `the student recovers ${formatPercent(recovered.value)}`;
  const isUnsure = low !== null && low <= 0 && high! >= 0;
  const doubt = isUnsure ? "; the gap itself may be chance" : "";
  return `Of the gap in ${measure} (${sides}) ${share}${interval}${doubt}.`;
}

/** For how many of its rows the student was told the truth. */
export function groundTruthSentence({
  trainingRows,
  groundTruthRows,
}: Pick<WeakToStrongReport, "trainingRows" | "groundTruthRows">): string {
  const rows = trainingRows.toLocaleString("en-US");
  if (groundTruthRows === 0) return `None of the student's ${rows} training rows had ground truth.`;
  const some = groundTruthRows === trainingRows ? "All" : groundTruthRows.toLocaleString("en-US");
  return `${some} of the student's ${rows} training rows had ground truth.`;
}

function percents(low: number, high: number): string {
  return `${formatPercent(low)} to ${formatPercent(high)}`;
}

/** A measure's value with its unit. */
export function value(measure: Measure, number: number): string {
  return measure === "loss" ? `${formatNumber(number)} nats per token` : formatPercent(number);
}
