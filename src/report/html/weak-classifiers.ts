/** @file The section of a weak-to-strong run of classifiers: who stands where, what the weak labels' weight does, whose mistakes are repeated. */

import type { Estimate } from "../../evaluate/statistics.js";
import { formatPercent, NOT_MEASURED } from "../format.js";
import type {
  ClassifierPerformance,
  StrongPerformance,
  TaughtClassifier,
  WeakClassifiersReport,
} from "../weak-classifiers.js";
import { html, type Markup } from "./markup.js";
import { type Cell, estimateCell, shareCell } from "./measure-table.js";
import { section } from "./section.js";
import { standingsTable } from "./standings-table.js";
import { weightChart } from "./weight-chart.js";

/** Null for runs without a weak teacher. */
export function weakClassifiersSection(report: WeakClassifiersReport | undefined): Markup | null {
  if (!report) return null;
  const note =
    "On the held-out texts with a label. The share of the gap that a student recovers is (student − weak teacher) / (ceiling − weak " +
    "teacher) in accuracy, and 0 where that is negative; λ is the weight of the weak labels. The ceiling has the student's start " +
    "and steps, and learns the labels of its texts.";
  return section("Weak to strong", note, [table(report), charts(report)]);
}

const heads = [
  "Accuracy",
  "Macro F1",
  "Gap in accuracy recovered",
  "Agrees with the weak teacher",
  "where that is right",
  "where that is wrong",
];

function table(report: WeakClassifiersReport): Markup {
  const cells = (
    { accuracy, macroF1 }: ClassifierPerformance,
    agreement?: StrongPerformance["agreement"],
    recovered?: Estimate | null,
  ) =>
    [
      shareCell(accuracy),
      estimateCell(macroF1),
      shareCell(recovered),
      shareCell(agreement?.all),
      shareCell(agreement?.weakIsRight),
      shareCell(agreement?.weakIsWrong),
    ].map(content);
  return standingsTable(heads, report, {
    weak: (model) => cells(model),
    ceiling: (model) => cells(model, model.agreement),
    student: (student: TaughtClassifier) => cells(student, student.agreement, student.recovered),
  });
}

function content(cell: Cell | null): Markup | string {
  if (!cell) return NOT_MEASURED;
  return cell.interval ? html`${cell.text}<small>${cell.interval}</small>` : cell.text;
}

/** Over λ: accuracy between the levels of weak teacher and ceiling, and the mistakes that are repeated; null without a curve. */
function charts({ weak, ceiling, students }: WeakClassifiersReport): Markup | null {
  const points = (measure: (student: StrongPerformance) => Estimate | null) =>
    students.flatMap((student) => {
      const estimate = measure(student);
      const { weakWeight } = student;
      return typeof weakWeight === "number" && estimate ? [{ weight: weakWeight, estimate }] : [];
    });
  const repeated = ceiling.agreement.weakIsWrong;
  const drawn = [
    weightChart({
      id: "weak-to-strong-accuracy",
      title: "Accuracy over λ",
      unit: "held-out texts put into their class; bars are 95 % intervals",
      points: points(({ accuracy }) => accuracy),
      levels: [
        { name: "weak", role: "teacher", value: weak.accuracy.value },
        { name: "ceiling", role: "twin", value: ceiling.accuracy.value },
      ],
      format: formatPercent,
    }),
    weightChart({
      id: "weak-to-strong-mistakes",
      title: "Mistakes repeated over λ",
      unit: "of the texts on which the weak teacher is wrong",
      points: points(({ agreement }) => agreement.weakIsWrong),
      levels: repeated ? [{ name: "ceiling", role: "twin", value: repeated.value }] : [],
      format: formatPercent,
    }),
  ].filter((each) => each !== null);
  return drawn.length === 0 ? null : html`<div class="charts">${drawn}</div>`;
}
