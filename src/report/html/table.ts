/** @file The table of the report: one column per model, one row per measure, intervals below their values. */

import type { Estimate } from "../../evaluate/statistics.js";
import { formatBytes, formatCount, formatInterval, formatNumber, formatPercent, NOT_MEASURED } from "../format.js";
import type { ModelReport, Report } from "../report.js";
import { roleNames, roles } from "../roles.js";
import { html, type Markup } from "./markup.js";

/** A row: its name, its unit and what stands in a model's cell. */
interface Measure {
  readonly name: string;
  readonly unit: string;
  cell(model: ModelReport): Cell;
}

interface Cell {
  readonly text: string;
  readonly interval?: string;
}

const notMeasured: Cell = { text: NOT_MEASURED };

const measures: readonly Measure[] = [
  { name: "Perplexity", unit: "lower is better", cell: ({ perplexity }) => estimateCell(perplexity) },
  {
    name: "KL from the teacher",
    unit: "nats per token, mean",
    cell: ({ klFromTeacher }) => estimateCell(klFromTeacher?.mean),
  },
  { name: "KL, median", unit: "nats per token", cell: ({ klFromTeacher }) => numberCell(klFromTeacher?.median) },
  { name: "KL, 99th percentile", unit: "nats per token", cell: ({ klFromTeacher }) => numberCell(klFromTeacher?.p99) },
  { name: "Top-1 agreement", unit: "with the teacher", cell: ({ top1Agreement }) => percentCell(top1Agreement) },
  { name: "Bits per byte", unit: "lower is better", cell: ({ bitsPerByte }) => estimateCell(bitsPerByte) },
  { name: "Parameters", unit: "", cell: ({ parameters }) => ({ text: formatCount(parameters) }) },
  { name: "Size on disk", unit: "", cell: ({ bytesOnDisk }) => ({ text: formatBytes(bytesOnDisk) }) },
  {
    name: "Speed",
    unit: "tokens per second, forward",
    cell: ({ tokensPerSecond }) => ({ text: formatCount(tokensPerSecond) }),
  },
  {
    name: "Peak memory",
    unit: "while evaluating",
    cell: ({ peakMemoryBytes }) =>
      peakMemoryBytes === undefined ? notMeasured : { text: formatBytes(peakMemoryBytes) },
  },
];

/** The table, without the measures that no model has. */
export function modelTable(report: Report): Markup {
  const models = roles.flatMap((role) => report.models.filter((model) => model.role === role));
  const shown = measures.filter((measure) => models.some((model) => measure.cell(model) !== notMeasured));
  return html`<table>
<caption>On the held-out rows; below each value its 95 % interval</caption>
<thead><tr><th scope="col"><span class="unseen">Measure</span></th>${models.map(({ role, name }) => {
    return html`<th scope="col" class="${role}">${roleNames[role].long}<small>${name}</small></th>`;
  })}</tr></thead>
<tbody>
${shown.map((measure) => {
  return html`<tr><th scope="row">${measure.name}${measure.unit === "" ? null : html`<small>${measure.unit}</small>`}</th>${models.map(
    (model) => {
      const { text, interval } = measure.cell(model);
      return html`<td class="${model.role}">${text}${interval ? html`<small>${interval}</small>` : null}</td>`;
    },
  )}</tr>
`;
})}</tbody>
</table>`;
}

function estimateCell(estimate: Estimate | null | undefined): Cell {
  return estimate ? { text: formatNumber(estimate.value), interval: formatInterval(estimate) } : notMeasured;
}

function numberCell(value: number | undefined): Cell {
  return value === undefined ? notMeasured : { text: formatNumber(value) };
}

function percentCell(estimate: Estimate | null): Cell {
  if (!estimate) return notMeasured;
  const { value, low, high } = estimate;
  if (low === null || high === null) return { text: formatPercent(value) };
  return { text: formatPercent(value), interval: `${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)}` };
}
