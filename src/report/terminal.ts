/** @file The report as text for a terminal of 80 columns: the table, the course of the held-out KL, the conclusion. */

import { classReportLines } from "./class-text.js";
import { hasClasses } from "./classification.js";
import { conclusionLine, precisionSentence } from "./conclusion.js";
import { contextSentences } from "./context-text.js";
import { formatBytes, formatCount, formatEstimate, formatNumber, formatPercent, NOT_MEASURED } from "./format.js";
import { type EvaluationPoint, type ModelReport, modelOf, type Report, thinOut } from "./report.js";
import { roleNames, roles } from "./roles.js";
import { weakToStrongLines } from "./weak-to-strong-text.js";
import { weakToStrongSentences } from "./weak-to-strong-words.js";
import { worthSummary } from "./worth-text.js";
import { writingText } from "./writing-report.js";

const WIDTH = 80;
const BLOCKS = "▁▂▃▄▅▆▇█";

interface Column {
  readonly head: string;
  readonly unit: string;
  cell(model: ModelReport): string;
}

const columns: readonly Column[] = [
  { head: "", unit: "", cell: ({ role }) => roleNames[role].short },
  { head: "params", unit: "", cell: ({ parameters }) => formatCount(parameters) },
  { head: "perplexity", unit: "", cell: ({ perplexity }) => formatEstimate(perplexity) },
  { head: "KL", unit: "nats/token", cell: ({ klFromTeacher }) => formatEstimate(klFromTeacher?.mean ?? null) },
  { head: "top-1", unit: "agree", cell: ({ top1Agreement }) => percent(top1Agreement?.value) },
  {
    head: "bits",
    unit: "/byte",
    cell: ({ bitsPerByte }) => (bitsPerByte ? formatNumber(bitsPerByte.value) : NOT_MEASURED),
  },
  { head: "speed", unit: "tok/s", cell: ({ tokensPerSecond }) => formatCount(tokensPerSecond) },
  { head: "size", unit: "", cell: ({ bytesOnDisk }) => formatBytes(bytesOnDisk) },
];

/** The report in lines of at most 80 columns, ending in a newline. `±` is half of a 95 % interval. */
export function reportText(report: Report): string {
  if (hasClasses(report)) return `${classReportLines(report.classification).flatMap(wrap).join("\n")}\n`;
  const models = roles.flatMap((role) => report.models.filter((model) => model.role === role));
  const lines = [...table(models), "", ...klCurve(report.history.student.evaluations), ...wrap(conclusionLine(report))];
  lines.push(...contextSentences(report).flatMap(wrap));
  if (modelOf(report, "teacher-without-context")) lines.push("bare: the teacher, given what the student is given.");
  if (report.weakToStrong) {
    lines.push("", ...weakToStrongLines(report.weakToStrong), "");
    lines.push(...weakToStrongSentences(report.weakToStrong).flatMap(wrap));
  }
  const precision = precisionSentence(report);
  if (precision) lines.push(...wrap(precision));
  if (report.writing) lines.push(...wrap(writingText(report.writing)));
  if (report.teacherWorth) lines.push(...wrap(worthSummary(report.teacherWorth)));
  return `${lines.join("\n")}\n`;
}

/** A curve of one character per value, from the lowest to the highest of them. */
export function sparkline(values: readonly number[]): string {
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  return values
    .map((value) => BLOCKS[span > 0 ? Math.round(((value - low) / span) * (BLOCKS.length - 1)) : 0])
    .join("");
}

function table(models: readonly ModelReport[]): readonly string[] {
  const rows = [
    columns.map(({ head }) => head),
    columns.map(({ unit }) => unit),
    ...models.map((model) => columns.map((column) => column.cell(model))),
  ];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const text = rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  const rule = "─".repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [...text.slice(0, 2), rule, ...text.slice(2)];
}

/** The held-out KL from first to last, at most 32 evaluations of it. */
function klCurve(evaluations: readonly EvaluationPoint[]): readonly string[] {
  const values = evaluations.flatMap(({ klTeacherStudent }) =>
    klTeacherStudent === undefined ? [] : [klTeacherStudent],
  );
  if (values.length < 2) return [];
  const ends = `${formatNumber(values[0]!)} to ${formatNumber(values.at(-1)!)} nats per token`;
  return [`held-out KL  ${sparkline(thinOut(values, 32))}  ${ends}`, ""];
}

function percent(share: number | undefined): string {
  return share === undefined ? NOT_MEASURED : formatPercent(share);
}

function wrap(text: string): readonly string[] {
  if (text.length <= WIDTH) return [text];
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}
