/** @file The section of a weak-to-strong run: weak teacher, students and ceiling in a table, and what the weak labels' weight does. */

import type { Estimate } from "../../evaluate/statistics.js";
import { formatInterval, formatNumber, formatPercent, NOT_MEASURED } from "../format.js";
import type { Report } from "../report.js";
import type { Measure, Performance, TaughtStudent, WeakToStrongReport } from "../weak-to-strong.js";
import { html, type Markup } from "./markup.js";
import { section } from "./section.js";
import { standingsTable } from "./standings-table.js";
import { weightChart } from "./weight-chart.js";

/** Null for runs of other recipes. */
export function weakToStrongSection({ weakToStrong: report }: Report): Markup | null {
  if (!report) return null;
  const note =
    "On the ground truth of the held-out rows. The share of the gap that a student recovers is (student − weak teacher) / " +
    "(ceiling − weak teacher), and 0 where that is negative; λ is the weight of the weak labels. The ceiling has the student's " +
    "start, rows and steps, and ground truth for all of them.";
  return section("Weak to strong", note, [table(report), charts(report)]);
}

function table(report: WeakToStrongReport): Markup {
  const heads = ["Loss, nats per token", "Accuracy, top-1", "Gap in loss recovered", "Gap in accuracy recovered"];
  const of = ({ loss, accuracy }: Performance) => [
    html`${formatNumber(loss.value)}<small>${formatInterval(loss)}</small>`,
    share(accuracy),
  ];
  const reference = (model: Performance) => [...of(model), NOT_MEASURED, NOT_MEASURED];
  return standingsTable(heads, report, {
    weak: reference,
    ceiling: reference,
    student: (student: TaughtStudent) => [
      ...of(student),
      share(student.recovered.loss),
      share(student.recovered.accuracy),
    ],
  });
}

function share(estimate: Estimate | null): Markup | string {
  if (!estimate) return NOT_MEASURED;
  const { value, low, high } = estimate;
  if (low === null || high === null) return formatPercent(value);
  return html`${formatPercent(value)}<small>${formatPercent(low)} to ${formatPercent(high)}</small>`;
}

/** Loss and accuracy over λ, between the levels of weak teacher and ceiling; null without a curve. */
function charts({ weak, ceiling, students }: WeakToStrongReport): Markup | null {
  const points = (measure: Measure) =>
    students.flatMap(({ weakWeight, [measure]: estimate }) =>
      typeof weakWeight === "number" ? [{ weight: weakWeight, estimate }] : [],
    );
  const chart = (measure: Measure, title: string, unit: string, format: (value: number) => string) =>
    weightChart({
      id: `weak-to-strong-${measure}`,
      title,
      unit,
      points: points(measure),
      levels: [
        { name: "weak", role: "teacher", value: weak[measure].value },
        { name: "ceiling", role: "twin", value: ceiling[measure].value },
      ],
      format,
    });
  const drawn = [
    chart("loss", "Loss over λ", "nats per token, held out; bars are 95 % intervals", formatNumber),
    chart("accuracy", "Accuracy over λ", "the likeliest token is the text's", formatPercent),
  ].filter((each) => each !== null);
  return drawn.length === 0 ? null : html`<div class="charts">${drawn}</div>`;
}
