/** @file The table of a report on classes: one column per model, one row per measure; and the student's confusion. */

import type { ClassificationReport, ClassModelReport } from "../classification.js";
import { classModelOf } from "../classification.js";
import { formatBytes, formatCount, formatNumber, formatPercent, NOT_MEASURED } from "../format.js";
import { roles } from "../roles.js";
import { html, type Markup } from "./markup.js";
import { cellOf, estimateCell, type Measure, measureTable, shareCell } from "./measure-table.js";

const measures: readonly Measure<ClassModelReport>[] = [
  { name: "Accuracy", unit: "texts put into their class", cell: ({ quality }) => shareCell(quality?.accuracy) },
  { name: "Macro F1", unit: "mean over the classes", cell: ({ quality }) => estimateCell(quality?.macroF1) },
  {
    name: "Calibration error",
    unit: "expected, 15 bins",
    cell: ({ quality }) => cellOf(quality?.calibration.expectedError, formatPercent),
  },
  { name: "Cross-entropy", unit: "nats per text", cell: ({ quality }) => estimateCell(quality?.crossEntropy) },
  { name: "Agreement", unit: "with the teacher", cell: ({ agreement }) => shareCell(agreement) },
  { name: "KL from the teacher", unit: "nats per text", cell: ({ klFromTeacher }) => estimateCell(klFromTeacher) },
  {
    name: "Time",
    unit: "milliseconds per text, median; 95th percentile below",
    cell: ({ milliseconds }) =>
      milliseconds && { text: formatNumber(milliseconds.median), interval: formatNumber(milliseconds.p95) },
  },
  { name: "Parameters", unit: "", cell: ({ parameters }) => cellOf(parameters, formatCount) },
  { name: "Size on disk", unit: "", cell: ({ bytesOnDisk }) => cellOf(bytesOnDisk, formatBytes) },
];

/** The table of all models, in the order of their roles. */
export function classTable(report: ClassificationReport): Markup {
  const models = roles.flatMap((role) => classModelOf(report, role) ?? []);
  return measureTable("On the held-out texts; below a value its 95 % interval", measures, models);
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
