/** @file What a report says in words: what became of the teacher, and whether the teacher helped. */

import { contextSentences } from "./context-text.js";
import { formatFactor, formatInterval, formatNumber, formatPercent } from "./format.js";
import { modelOf, type Report } from "./report.js";
import { weakToStrongSentences } from "./weak-to-strong-words.js";

/**
 * Whether the student learned more than its twin, which had the same start, data and steps, but no teacher.
 *
 * With L the loss in nats per token, `gapClosed` = (L_twin − L_student) / (L_twin − L_teacher): 0 like the twin, 1 like the
 * teacher; null where the twin is no worse than the teacher or nothing was distilled.
 *
 * @see Burns et al. 2023, "Weak-to-Strong Generalization", §3 (performance gap recovered; arXiv:2312.09390).
 */
export interface TwinComparison {
  readonly verdict: "better" | "worse" | "undecided";
  readonly gainNatsPerToken: number;
  readonly gapClosed: number | null;
}

/** Compares student and twin; null where there is no twin. A gain is undecided where its interval holds 0 or does not exist. */
export function compareWithTwin(report: Report): TwinComparison | null {
  const gain = report.gainOverTwin;
  const twin = modelOf(report, "twin")?.perplexity;
  const teacher = modelOf(report, "teacher")?.perplexity;
  if (!gain || !twin) return null;
  const gap = teacher ? Math.log(twin.value) - Math.log(teacher.value) : 0;
  return {
    verdict: (gain.low ?? 0) > 0 ? "better" : (gain.high ?? 0) < 0 ? "worse" : "undecided",
    gainNatsPerToken: gain.value,
    gapClosed: gap > 0 ? gain.value / gap : null,
  };
}

/** The page's title: what was distilled into what. */
export function headline(report: Report): string {
  const teacher = modelOf(report, "teacher");
  const student = modelOf(report, "student-after");
  const name = student?.name ?? "a student";
  if (report.weakToStrong || report.classification?.weakToStrong)
    return `${name}, taught by the weaker ${teacher?.name}`;
  return teacher ? `${teacher.name}, distilled into ${name}` : `${name}, trained without a teacher`;
}

/** Size and speed of the student against its teacher, then how it did against its twin, as short as the terminal needs. */
export function conclusionLine(report: Report): string {
  const parts = [sizeAndSpeed(report), twinClause(report) ?? perplexityClause(report)];
  return `The student ${parts.filter((part) => part !== null).join("; it ")}.`;
}

/** The same in full sentences, with intervals and without a claim that the numbers do not carry. */
export function conclusionSentences(report: Report): readonly string[] {
  const sizes = sizeAndSpeed(report);
  const perplexity = perplexityClause(report);
  return [
    sizes && `The student ${sizes}.`,
    perplexity && `${sizes ? "It" : "The student"} ${perplexity}${teacherAside(report)}.`,
    ...contextSentences(report),
    ...(report.weakToStrong ? weakToStrongSentences(report.weakToStrong) : [twinSentence(report)]),
    precisionSentence(report),
  ].filter((sentence) => sentence !== null);
}

/** What its precision cost the teacher; null where it computed in float32. */
export function precisionSentence({ teacherPrecision }: Report): string | null {
  if (!teacherPrecision) return null;
  const { precision, klFromFloat32, top1Agreement, tokens } = teacherPrecision;
  const interval = formatInterval(klFromFloat32);
  return (
    `The teacher computed in ${precision}: ${formatNumber(klFromFloat32.value)} nats per token from itself in float32` +
    `${interval === "" ? "" : ` (${interval})`}, the same likeliest token at ${formatPercent(top1Agreement.value)}, ` +
    `measured on ${tokens.toLocaleString("en-US")} held-out tokens.`
  );
}

function sizeAndSpeed(report: Report): string | null {
  const teacher = modelOf(report, "teacher");
  const student = modelOf(report, "student-after");
  if (!teacher || !student) return null;
  const size = factor(
    teacher.parameters / student.parameters,
    "smaller than its teacher",
    "larger than its teacher",
    "as large as its teacher",
  );
  const speed = factor(student.tokensPerSecond / teacher.tokensPerSecond, "faster", "slower", "as fast");
  return `is ${size} and ${speed}`;
}

function factor(ratio: number, above: string, below: string, equal: string): string {
  if (ratio >= 1.05) return `${formatFactor(ratio)} times ${above}`;
  if (ratio <= 1 / 1.05) return `${formatFactor(1 / ratio)} times ${below}`;
  return equal;
}

function perplexityClause(report: Report): string | null {
  const before = modelOf(report, "student-before")?.perplexity;
  const after = modelOf(report, "student-after")?.perplexity;
  if (!after) return null;
  if (!before) return `reached a perplexity of ${formatNumber(after.value)}`;
  return `went from a perplexity of ${formatNumber(before.value)} to ${formatNumber(after.value)}`;
}

function teacherAside(report: Report): string {
  const teacher = modelOf(report, "teacher")?.perplexity;
  return teacher ? `; the teacher stands at ${formatNumber(teacher.value)}` : "";
}

function twinClause(report: Report): string | null {
  const comparison = compareWithTwin(report);
  if (!comparison) return null;
  const size = formatNumber(Math.abs(comparison.gainNatsPerToken));
  if (comparison.verdict === "undecided") return "cannot be told apart from its twin";
  if (comparison.verdict === "worse") return `is worse than its twin by ${size} nats per token`;
  if (comparison.gapClosed === null) return `is better than its twin by ${size} nats per token`;
  return `closes ${formatGapClosed(comparison.gapClosed)} of its twin's gap to the teacher`;
}

function twinSentence(report: Report): string | null {
  const comparison = compareWithTwin(report);
  const gain = report.gainOverTwin;
  if (!comparison || !gain) {
    if (!modelOf(report, "teacher")) return null;
    return "No twin was trained, so these numbers do not say how much of this is due to the teacher.";
  }
  const interval = formatInterval(gain);
  const evidence = interval === "" ? "no interval from a single row" : `95 % interval ${interval}`;
  const size = `${formatNumber(Math.abs(gain.value))} nats per token`;
  switch (comparison.verdict) {
    case "undecided":
      return (
        "It cannot be told apart from its twin, which was trained the same way without the teacher: " +
        `the gain of ${formatNumber(gain.value)} nats per token may be chance (${evidence}).`
      );
    case "worse":
      return (
        `It is worse than its twin, which was trained the same way without the teacher, by ${size} ` +
        `(gain ${formatNumber(gain.value)}, ${evidence}): here the teacher did not help.`
      );
    case "better":
      return `Against its twin, which was trained the same way without the teacher, it gains ${size} (${evidence})${shareOfGap(report, comparison)}`;
  }
}

function shareOfGap(report: Report, { gapClosed }: TwinComparison): string {
  if (!modelOf(report, "teacher")) return ".";
  if (gapClosed === null) return "; the twin is no worse than the teacher, so there was no gap to close.";
  return `: ${formatGapClosed(gapClosed)} of the gap between twin and teacher.`;
}

/** The share as a percentage; beyond the teacher it says nothing but "all". */
export function formatGapClosed(gapClosed: number): string {
  return gapClosed >= 1 ? "all" : formatPercent(gapClosed);
}
