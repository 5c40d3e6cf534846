/** @file The table of a report on classes: one column per model, one row per measure; and the student's confusion. */

import type { Estimate } from "../../evaluate/statistics.js";
import type { ClassificationReport, ClassModelReport } from "../classification.js";
import { classModelOf } from "../classification.js";
import { formatBytes, formatCount, formatInterval, formatNumber, formatPercent, NOT_MEASURED } from "../format.js";
import { roleNames, roles } from "../roles.js";
import { html, type Markup } from "./markup.js";

interface Cell {
  readonly text: string;
  readonly interval?: string;
}

interface Measure {
  readonly name: string;
  readonly unit: string;
  cell(model: ClassModelReport): Cell | null;
}

const number = (estimate: Estimate | null | undefined): Cell | null =>
  estimate ? { text: formatNumber(estimate.value), interval: formatInterval(estimate) } : null;

const share = (estimate: Estimate | null | undefined): Cell | null => {
  if (!estimate) return null;
  const { value, low, high } = estimate;
  if (low === null || high === null) return { text: formatPercent(value) };
  return { text: formatPercent(value), interval: `${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)}` };
};

const measures: readonly Measure[] = [
  { name: "Accuracy", unit: "texts put into their class", cell: ({ quality }) => share(quality?.accuracy) },
  { name: "Macro F1", unit: "mean over the classes", cell: ({ quality }) => number(quality?.macroF1) },
  {
    name: "Calibration error",
    unit: "expected, 15 bins",
    cell: ({ quality }) => quality && { text: formatPercent(quality.calibration.expectedError) },
  },
  { name: "Cross-entropy", unit: "nats per text", cell: ({ quality }) => number(quality?.crossEntropy) },
  { name: "Agreement", unit: "with the teacher", cell: ({ agreement }) => share(agreement) },
  { name: "KL from the teacher", unit: "nats per text", cell: ({ klFromTeacher }) => number(klFromTeacher) },
  {
    name: "Time",
    unit: "milliseconds per text, median; 95th percentile below",
    cell: ({ milliseconds }) =>
      milliseconds && { text: formatNumber(milliseconds.median), interval: formatNumber(milliseconds.p95) },
  },
  {
    name: "Parameters",
    unit: "",
    cell: ({ parameters }) => (parameters === null ? null : { text: formatCount(parameters) }),
  },
  {
    name: "Size on disk",
    unit: "",
    cell: ({ bytesOnDisk }) => (bytesOnDisk === null ? null : { text: formatBytes(bytesOnDisk) }),
  },
];

/** The table, without the measures that no model has. */
export function classTable(report: ClassificationReport): Markup {
  const models = roles.flatMap((role) => classModelOf(report, role) ?? []);
  const shown = measures.filter((measure) => models.some((model) => measure.cell(model) !== null));
  return html`<table>
<caption>On the held-out texts; below a value its 95 % interval</caption>
<thead><tr><th scope="col"><span class="unseen">Measure</span></th>${models.map(({ role, name }) => {
    return html`<th scope="col" class="${role}">${roleNames[role].long}<small>${name}</small></th>`;
  })}</tr></thead>
<tbody>
${shown.map((measure) => {
  return html`<tr><th scope="row">${measure.name}${measure.unit === "" ? null : html`<small>${measure.unit}</small>`}</th>${models.map(
    (model) => {
      const { text, interval } = measure.cell(model) ?? { text: NOT_MEASURED };
      return html`<td class="${model.role}">${text}${interval ? html`<small>${interval}</small>` : null}</td>`;
    },
  )}</tr>
`;
})}</tbody>
</table>`;
}

/** The student's answers by class, with precision and recall; null where no text has a label. */
export function confusionTable(report: ClassificationReport): Markup | null {
  const quality = classModelOf(report, "student-after")?.quality;
  if (!quality) return null;
  const { classes } = report;
  const orDash = (value: number | null) => (value === null ? NOT_MEASURED : formatPercent(value));
  return html`<table>
<caption>The student's answers: held-out texts by their own class, and by the class that they were put into</caption>
<thead><tr><th scope="col">Is</th>${classes.map((name) => html`<th scope="col">put into ${name}</th>`)}<th scope="col">Recall</th></tr></thead>
<tbody>
${quality.confusion.map((counts, i) => {
  return html`<tr><th scope="row">${classes[i]!}</th>${counts.map((count) => html`<td>${count.toLocaleString("en-US")}</td>`)}<td>${orDash(quality.perClass[i]!.recall)}</td></tr>
`;
})}<tr><th scope="row">Precision</th>${quality.perClass.map(({ precision }) => html`<td>${orDash(precision)}</td>`)}<td></td></tr>
</tbody>
</table>`;
}
