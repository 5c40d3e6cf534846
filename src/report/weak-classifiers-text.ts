/** @file Weak teacher, students and ceiling of a run of classifiers: a table of 80 columns. */

import { alignTable } from "./align-columns.js";
import { formatShare } from "./class-conclusion.js";
import { formatNumber, formatPercent, NOT_MEASURED } from "./format.js";
import type {
  ClassifierPerformance,
  StrongPerformance,
  TaughtClassifier,
  WeakClassifiersReport,
} from "./weak-classifiers.js";
import { weightText } from "./weak-to-strong.js";

/** Lines of a table: who stands where, what share of the gap each student recovers, and how far it repeats the weak teacher. */
export function weakClassifiersLines({ weak, ceiling, students }: WeakClassifiersReport): readonly string[] {
  const [own, ...others] = students as readonly [TaughtClassifier, ...TaughtClassifier[]];
  return alignTable(
    [
      ["on the labels", "accuracy", "macro F1", "gap", "agrees", "on weak's"],
      ["", "", "", "recovered", "", "mistakes"],
      cells("weak teacher", weak),
      ...others.map((student) => cells(`student, λ = ${weightText(student.weakWeight)}`, student, student)),
      cells(`the student, λ = ${weightText(own.weakWeight)}`, own, own),
      cells("ceiling", ceiling, ceiling),
    ],
    2,
  );
}

function cells(
  name: string,
  { accuracy, macroF1 }: ClassifierPerformance,
  strong?: StrongPerformance & Partial<Pick<TaughtClassifier, "recovered">>,
): string[] {
  const share = (estimate: TaughtClassifier["recovered"]) => (estimate ? formatPercent(estimate.value) : NOT_MEASURED);
  return [
    name,
    formatShare(accuracy),
    formatNumber(macroF1.value),
    strong?.recovered === undefined ? "" : share(strong.recovered),
    strong ? share(strong.agreement.all) : "",
    strong ? share(strong.agreement.weakIsWrong) : "",
  ];
}
