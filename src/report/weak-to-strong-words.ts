/** @file What a weak-to-strong run came to, in sentences: which gap there was, and what of it was recovered. */

import { formatNumber, formatPercent } from "./format.js";
import { type Measure, measures, type WeakToStrongReport } from "./weak-to-strong.js";

/** Sentences on the run's own student, with intervals, and without a claim that the numbers do not carry. */
export function weakToStrongSentences(report: WeakToStrongReport): readonly string[] {
  return [...measures.map((measure) => recovery(report, measure)), groundTruth(report)];
}

function recovery({ weak, ceiling, students, gap }: WeakToStrongReport, measure: Measure): string {
  const student = students[0]!;
  const recovered = student.recovered[measure];
  const sides = `${value(measure, weak[measure].value)} for the weak teacher, ${value(measure, ceiling[measure].value)} for the ceiling`;
  if (!recovered) {
    return (
      `In ${measure} there is no gap to recover, and none is claimed: the ceiling, which is the same student on ground ` +
      `truth, is no better than the weak teacher (${sides}).`
    );
  }
  const worse = recovered.value === 0 ? "the student is no better than its weak teacher and recovers nothing" : null;
  const interval = recovered.low === null ? "" : `, 95 % interval ${percents(recovered.low, recovered.high!)}`;
  const share = worse ?? `the student recovers ${formatPercent(recovered.value)}`;
  const { low, high } = gap[measure];
  const isUnsure = low !== null && low <= 0 && high! >= 0;
  const doubt = isUnsure ? "; the gap itself may be chance" : "";
  return `Of the gap in ${measure} (${sides}) ${share}${interval}${doubt}.`;
}

function groundTruth({ trainingRows, groundTruthRows }: WeakToStrongReport): string {
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
