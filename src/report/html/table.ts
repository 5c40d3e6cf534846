/** @file The measures of a report on language models. */

import { formatBytes, formatCount, formatNumber } from "../format.js";
import type { ModelReport, Report } from "../report.js";
import { roles } from "../roles.js";
import type { Markup } from "./markup.js";
import { cellOf, estimateCell, type Measure, measureTable, shareCell } from "./measure-table.js";

const measures: readonly Measure<ModelReport>[] = [
  { name: "Perplexity", unit: "lower is better", cell: ({ perplexity }) => estimateCell(perplexity) },
  {
    name: "KL from the teacher",
    unit: "nats per token, mean",
    cell: ({ klFromTeacher }) => estimateCell(klFromTeacher?.mean),
  },
  {
    name: "KL, median",
    unit: "nats per token",
    cell: ({ klFromTeacher }) => cellOf(klFromTeacher?.median, formatNumber),
  },
  {
    name: "KL, 99th percentile",
    unit: "nats per token",
    cell: ({ klFromTeacher }) => cellOf(klFromTeacher?.p99, formatNumber),
  },
  { name: "Top-1 agreement", unit: "with the teacher", cell: ({ top1Agreement }) => shareCell(top1Agreement) },
  { name: "Bits per byte", unit: "lower is better", cell: ({ bitsPerByte }) => estimateCell(bitsPerByte) },
  { name: "Parameters", unit: "", cell: ({ parameters }) => cellOf(parameters, formatCount) },
  { name: "Size on disk", unit: "", cell: ({ bytesOnDisk }) => cellOf(bytesOnDisk, formatBytes) },
  {
    name: "Speed",
    unit: "tokens per second, forward",
    cell: ({ tokensPerSecond }) => cellOf(tokensPerSecond, formatCount),
  },
  {
    name: "Peak memory",
    unit: "while evaluating",
    cell: ({ peakMemoryBytes }) => cellOf(peakMemoryBytes, formatBytes),
  },
];

/** The table of all models, in the order of their roles. */
export function modelTable(report: Report): Markup {
  const models = roles.flatMap((role) => report.models.filter((model) => model.role === role));
  return measureTable("On the held-out rows; below each value its 95 % interval", measures, models);
}
