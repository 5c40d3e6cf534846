/** @file What was exported from the run's student: what each byte costs. */

import type { ExportedCost, ExportReport } from "../export-report.js";
import { formatBytes, formatCount, formatInterval, formatNumber, formatPercent, NOT_MEASURED } from "../format.js";
import type { Report } from "../report.js";
import { html, type Markup } from "./markup.js";
import { section } from "./section.js";

const note =
  "Every file was opened again after it was written, and run on held-out rows. KL is KL(student ‖ file), so that it holds what " +
  "the export lost and nothing else.";

/** A table per export; null where nothing was exported. */
export function exportTables({ exports = [] }: Report): Markup | null {
  return exports.length === 0 ? null : section("Exports", note, exports.map(exportTable));
}

function exportTable(report: ExportReport): Markup {
  const heads = ["Size", "KL, nats per token", "Top-1 agreement", "Perplexity", "Prompt, tokens/s", "Decode, tokens/s"];
  return html`<table class="exports">
<caption>${report.path}, ${report.data.responseTokens.toLocaleString("en-US")} scored tokens, ${report.threads} threads</caption>
<thead><tr><th scope="col"><span class="unseen">File</span></th>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
<tr><th scope="row">Student<small>as it was</small></th>${cells(report.student, [NOT_MEASURED, NOT_MEASURED])}</tr>
${report.files.map((file) => {
  const { mean } = file.klFromStudent;
  const interval = mean.value < 1e-7 ? "" : formatInterval(mean);
  const kl = html`${formatNumber(mean.value)}${interval === "" ? null : html`<small>${interval}</small>`}`;
  return html`<tr><th scope="row">${file.precision}<small>${file.file}</small></th>${cells(file, [kl, formatPercent(file.top1Agreement.value)])}</tr>
`;
})}
</tbody>
</table>
`;
}

function cells(cost: ExportedCost, compared: readonly (string | Markup)[]): Markup {
  const { bytes, perplexity, promptTokensPerSecond, decodeTokensPerSecond } = cost;
  const all = [
    formatBytes(bytes),
    ...compared,
    perplexity ? formatNumber(perplexity.value) : NOT_MEASURED,
    formatCount(promptTokensPerSecond),
    formatCount(decodeTokensPerSecond),
  ];
  return html`${all.map((cell) => html`<td>${cell}</td>`)}`;
}
