/** @file What a `context` report says in words: the gap closed, the tokens saved, the time gained. */

import { formatFactor, formatInterval, formatNumber, formatPercent, formatSeconds } from "./format.js";
import { modelOf, type Report } from "./report.js";

/** How much of the context moved in, and what a call saves; nothing for other recipes. */
export function contextSentences(report: Report): readonly string[] {
  return [gapSentence(report), savingSentence(report)].filter((sentence) => sentence !== null);
}

function gapSentence(report: Report): string | null {
  const gap = report.context?.gapClosed;
  const before = modelOf(report, "student-before")?.klFromTeacher?.mean;
  const after = modelOf(report, "student-after")?.klFromTeacher?.mean;
  if (!gap || !before || !after) return null;
  const course = `${formatNumber(before.value)} to ${formatNumber(after.value)} nats per token`;
  if (gap.value <= 0) {
    return `Without the context the student came no closer to the teacher who sees it: KL from ${course}.`;
  }
  const { low, high } = gap;
  const interval = formatInterval(gap) === "" || low === null || high === null ? "" : `, ${percents(low, high)}`;
  return `Without the context the student closed ${formatPercent(gap.value)} of its KL gap to the teacher who sees it (${course}${interval}).`;
}

/** Seconds of a call in three digits: 0.0423 s · 1.62 s · 1 min 20 s. */
export function formatDuration(seconds: number): string {
  return seconds < 60 ? `${formatNumber(seconds)} s` : formatSeconds(seconds);
}

function percents(low: number, high: number): string {
  return `95 % interval ${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)} %`;
}

function savingSentence({ context }: Report): string | null {
  if (!context) return null;
  const { teacher, student } = context.promptTokens;
  const saved = Math.round(teacher - student);
  if (saved <= 0) return null;
  const tokens = `A call saves ${saved.toLocaleString("en-US")} of ${Math.round(teacher).toLocaleString("en-US")} prompt tokens`;
  if (!context.calls) return `${tokens}.`;
  const { teacher: full, student: bare } = context.calls;
  const ratio = full.firstTokenSeconds / bare.firstTokenSeconds;
  const times = ratio >= 1.05 ? `${formatFactor(ratio)} times sooner` : "no sooner";
  const answers = `a whole answer takes ${formatDuration(bare.answerSeconds)} instead of ${formatDuration(full.answerSeconds)}`;
  return `${tokens}: its first token comes ${times} (${formatDuration(bare.firstTokenSeconds)} instead of ${formatDuration(full.firstTokenSeconds)}), and ${answers}.`;
}
