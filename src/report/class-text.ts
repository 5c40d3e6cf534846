/** @file The report on classes as text for a terminal of 80 columns: the models, the student's confusion, the conclusion. */

import { alignColumns, alignTable } from "./align-columns.js";
import { classConclusion, formatShare } from "./class-conclusion.js";
import { type ClassificationReport, type ClassModelReport, classModelOf } from "./classification.js";
import { formatBytes, formatCount, formatNumber, formatPercent, NOT_MEASURED } from "./format.js";
import { roleNames, roles } from "./roles.js";
import { weakClassifiersLines } from "./weak-classifiers-text.js";

interface Column {
  readonly head: string;
  readonly unit: string;
  cell(model: ClassModelReport): string;
}

const orDash = <T>(value: T | null | undefined, text: (value: T) => string): string =>
  value === null || value === undefined ? NOT_MEASURED : text(value);

const columns: readonly Column[] = [
  { head: "", unit: "", cell: ({ role }) => roleNames[role].short },
  { head: "params", unit: "", cell: ({ parameters }) => orDash(parameters, formatCount) },
  { head: "accuracy", unit: "", cell: ({ quality }) => formatShare(quality?.accuracy ?? null) },
  { head: "macro F1", unit: "", cell: ({ quality }) => orDash(quality, ({ macroF1 }) => formatNumber(macroF1.value)) },
  { head: "ECE", unit: "", cell: ({ quality }) => orDash(quality?.calibration.expectedError, formatPercent) },
  { head: "agree", unit: "", cell: ({ agreement }) => orDash(agreement, ({ value }) => formatPercent(value)) },
  {
    head: "time",
    unit: "ms/text",
    cell: ({ milliseconds }) => orDash(milliseconds, ({ median }) => formatNumber(median)),
  },
  { head: "size", unit: "", cell: ({ bytesOnDisk }) => orDash(bytesOnDisk, formatBytes) },
];

/** Classes that a confusion table of 80 columns has room for. */
const mostClasses = 6;

/** Lines of at most 80 columns. `±` is half of a 95 % interval. */
export function classReportLines(report: ClassificationReport): readonly string[] {
  const models = roles.flatMap((role) => classModelOf(report, role) ?? []);
  const rows = [
    columns.map(({ head }) => head),
    columns.map(({ unit }) => unit),
    ...models.map((model) => columns.map((column) => column.cell(model))),
  ];
  return [
    ...alignTable(rows, 2),
    "",
    ...(report.weakToStrong ? [...weakClassifiersLines(report.weakToStrong), ""] : []),
    ...confusionLines(report),
    classConclusion(report).join(" "),
  ];
}

function confusionLines(report: ClassificationReport): readonly string[] {
  const quality = classModelOf(report, "student-after")?.quality;
  const { classes } = report;
  if (!quality || classes.length > mostClasses) return [];
  const short = classes.map((name) => (name.length > 9 ? `${name.slice(0, 8)}…` : name));
  const rows = [
    ["is \\ put into", ...short, "recall"],
    ...quality.confusion.map((counts, i) => [
      short[i]!,
      ...counts.map((count) => count.toLocaleString("en-US")),
      orDash(quality.perClass[i]!.recall, formatPercent),
    ]),
  ];
  return [...alignColumns(rows), ""];
}
