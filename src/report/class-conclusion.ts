/** @file What a report on classes says in words: what became of the teacher, whether it helped, and how far to trust the confidence. */

import { classWorthSentence } from "./class-worth-text.js";
import { type ClassificationReport, type ClassModelReport, classModelOf } from "./classification.js";
import { formatBytes, formatFactor, formatNumber, formatPercent } from "./format.js";
import { weakClassifiersSentences } from "./weak-classifiers-words.js";

/** A share with half of its 95 % interval: `97.1 ± 0.9 %`. */
export function formatShare(estimate: ClassModelReport["agreement"]): string {
  if (!estimate) return "–";
  if (estimate.low === null || estimate.high === null) return formatPercent(estimate.value);
  return `${(100 * estimate.value).toFixed(1)} ± ${(50 * (estimate.high - estimate.low)).toFixed(1)} %`;
}

/** Sentences, the most telling first. */
export function classConclusion(report: ClassificationReport): readonly string[] {
  const { weakToStrong } = report;
  const help = weakToStrong
    ? [...weakClassifiersSentences(weakToStrong), cost(report)]
    : [cost(report), twin(report), classWorthSentence(report.teacherWorth ?? [])];
  return [quality(report), ...help, calibration(report), cut(report)].filter((sentence) => sentence !== null);
}

function quality(report: ClassificationReport): string | null {
  const student = classModelOf(report, "student-after");
  const teacher = classModelOf(report, "teacher");
  if (!student) return null;
  const agreement = student.agreement
    ? `it agrees with its teacher on ${formatPercent(student.agreement.value)} of them`
    : null;
  if (!student.quality) return agreement && `No held-out text has a label; ${agreement}.`;
  const { accuracy, macroF1, texts } = student.quality;
  const taught = teacher?.quality ? `, its teacher ${formatPercent(teacher.quality.accuracy.value)}` : "";
  const found = `The student puts ${formatPercent(accuracy.value)} of ${texts.toLocaleString("en-US")} held-out texts into their class (macro F1 ${formatNumber(macroF1.value)})${taught}`;
  return `${found}${agreement ? `; ${agreement}` : ""}.`;
}

function cost(report: ClassificationReport): string | null {
  const student = classModelOf(report, "student-after");
  const teacher = classModelOf(report, "teacher");
  if (!student?.milliseconds || student.bytesOnDisk === null) return null;
  const own = `It takes ${formatBytes(student.bytesOnDisk)} on disk and ${formatNumber(student.milliseconds.median)} ms per text`;
  if (!teacher?.milliseconds || !teacher.bytesOnDisk) return `${own}.`;
  const [size, speed] = [
    teacher.bytesOnDisk / student.bytesOnDisk,
    teacher.milliseconds.median / student.milliseconds.median,
  ];
  return `${own}: ${ratio(size, "smaller", "larger")} and ${ratio(speed, "faster", "slower")} than its teacher.`;
}

function ratio(factor: number, above: string, below: string): string {
  return factor >= 1 ? `${formatFactor(factor)} times ${above}` : `${formatFactor(1 / factor)} times ${below}`;
}

function twin(report: ClassificationReport): string | null {
  const gain = report.gainOverTwin;
  const twin = classModelOf(report, "twin");
  if (!twin) {
    return report.teacher
      ? "No twin was trained, so these numbers do not say how much of this is due to the teacher."
      : null;
  }
  if (!gain) return null;
  const points = (value: number) => `${(100 * value).toFixed(1).replace("-", "−")}`;
  const { low, high, value } = gain;
  const interval = low === null || high === null ? "no interval" : `95 % interval ${points(low)} to ${points(high)}`;
  const told = `${points(Math.abs(value))} points of accuracy`;
  if ((low ?? 0) > 0) return `Against its twin, which learned from the labels alone, it gains ${told} (${interval}).`;
  if ((high ?? 0) < 0)
    return `It is worse than its twin, which learned from the labels alone, by ${told} (${interval}).`;
  return `It cannot be told apart from its twin, which learned from the labels alone: ${points(value)} points of accuracy may be chance (${interval}).`;
}

function calibration(report: ClassificationReport): string | null {
  const quality = classModelOf(report, "student-after")?.quality;
  if (!quality) return null;
  return `Its confidence is off by ${formatPercent(quality.calibration.expectedError)} on average (expected calibration error, ${quality.calibration.bins.length} bins).`;
}

function cut({ data }: ClassificationReport): string | null {
  const { cut, rows } = data.heldOut;
  return cut === 0
    ? null
    : `Of ${cut.toLocaleString("en-US")} of ${rows.toLocaleString("en-US")} held-out texts it reads only the start.`;
}
