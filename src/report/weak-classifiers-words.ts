/** @file What a weak-to-strong run of classifiers came to, in sentences: what of the gap was recovered, and whose mistakes were learned. */

import { formatPercent } from "./format.js";
import type { TaughtClassifier, WeakClassifiersReport } from "./weak-classifiers.js";
import { groundTruthSentence, recoverySentence } from "./weak-to-strong-words.js";

/** Sentences on the run's own student, with intervals, and without a claim that the numbers do not carry. */
export function weakClassifiersSentences(report: WeakClassifiersReport): readonly string[] {
  const { weak, ceiling, students, gap } = report;
  const student = students[0]!;
  const sides = { weak: formatPercent(weak.accuracy.value), ceiling: formatPercent(ceiling.accuracy.value) };
  return [
    recoverySentence("accuracy", sides, student.recovered, gap),
    mistakes(report, student),
    groundTruthSentence(report),
  ];
}

function mistakes({ texts, weakMistakes, ceiling }: WeakClassifiersReport, { agreement }: TaughtClassifier): string {
  const { weakIsRight, weakIsWrong } = agreement;
  if (!weakIsWrong) return "The weak teacher puts every held-out text with a label into its class.";
  const { value, low, high } = weakIsWrong;
  const interval = low === null ? "" : `, 95 % interval ${formatPercent(low)} to ${formatPercent(high!)}`;
  const [wrong, all] = [weakMistakes, texts].map((count) => count.toLocaleString("en-US"));
  const told =
    `Where the weak teacher is wrong (${wrong} of ${all} texts) the student repeats its mistake in ` +
    `${formatPercent(value)}${interval}, the ceiling in ${formatPercent(ceiling.agreement.weakIsWrong!.value)}`;
  return weakIsRight
    ? `${told}; where it is right the student agrees in ${formatPercent(weakIsRight.value)}.`
    : `${told}.`;
}
