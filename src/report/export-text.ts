/** @file An export's report as a table for a terminal of 80 columns, and as a table in Markdown for the model card. */

import type { ExportedCost, ExportedFile, ExportReport } from "./export-report.js";
import { formatBytes, formatCount, formatEstimate, formatNumber, formatPercent, NOT_MEASURED } from "./format.js";

/** One line per column: its head, and what stands under it for the student and for each file. */
interface Column {
  readonly head: string;
  readonly unit: string;
  cell(row: ExportedFile | (ExportedCost & { readonly precision: "student" })): string;
}

const ofFile = (cell: (file: ExportedFile) => string): Column["cell"] => {
  return (row) => ("klFromStudent" in row ? cell(row) : NOT_MEASURED);
};

const columns: readonly Column[] = [
  { head: "", unit: "", cell: ({ precision }) => precision },
  { head: "size", unit: "", cell: ({ bytes }) => formatBytes(bytes) },
  { head: "KL", unit: "nats/token", cell: ofFile(({ klFromStudent }) => formatKl(klFromStudent.mean.value)) },
  { head: "top-1", unit: "agree", cell: ofFile(({ top1Agreement }) => formatPercent(top1Agreement.value)) },
  { head: "perplexity", unit: "", cell: ({ perplexity }) => formatEstimate(perplexity) },
  { head: "prompt", unit: "tok/s", cell: ({ promptTokensPerSecond }) => formatCount(promptTokensPerSecond) },
  { head: "decode", unit: "tok/s", cell: ({ decodeTokensPerSecond }) => formatCount(decodeTokensPerSecond) },
  { head: "memory", unit: "peak", cell: ({ peakMemoryBytes }) => formatBytes(peakMemoryBytes) },
];

/** Rounding alone: 1e-9 says no more than 0. */
function formatKl(value: number): string {
  return value < 1e-7 ? "< 1e−7" : formatNumber(value);
}

function rowsOf(report: ExportReport): readonly (readonly string[])[] {
  const all = [{ ...report.student, precision: "student" as const }, ...report.files];
  return all.map((row) => columns.map((column) => column.cell(row)));
}

/** The student, then its files, in lines of at most 80 columns, ending in a newline. */
export function exportText(report: ExportReport): string {
  const rows = [columns.map(({ head }) => head), columns.map(({ unit }) => unit), ...rowsOf(report)];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

/** The same as a table in Markdown, with the names of the files. */
export function exportMarkdown(report: ExportReport): string {
  const heads = columns.map(({ head, unit }) => [head, unit].filter((part) => part !== "").join(", "));
  const files = ["", ...report.files.map(({ file }) => ` \`${file}\``)];
  const rows = rowsOf(report).map(([name, ...rest], i) => [`${name}${files[i]}`, ...rest]);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}
