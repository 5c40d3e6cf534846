/** @file The table of a report: one column per model, one row per measure, intervals below their values. */

import type { Estimate } from "../../evaluate/statistics.js";
import { formatInterval, formatNumber, formatPercent, NOT_MEASURED } from "../format.js";
import type { ModelRole } from "../report.js";
import { roleNames } from "../roles.js";
import { html, type Markup } from "./markup.js";

/** A row: its name, its unit and what stands in a model's cell; null where it was not measured. */
export interface Measure<Model> {
  readonly name: string;
  readonly unit: string;
  cell(model: Model): Cell | null;
}

export interface Cell {
  readonly text: string;
  readonly interval?: string;
}

/** The table, without the measures that no model has. */
export function measureTable<Model extends { readonly role: ModelRole; readonly name: string }>(
  caption: string,
  measures: readonly Measure<Model>[],
  models: readonly Model[],
): Markup {
  const shown = measures.filter((measure) => models.some((model) => measure.cell(model) !== null));
  return html`<table>
<caption>${caption}</caption>
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

/** A number with its interval below. */
export function estimateCell(estimate: Estimate | null | undefined): Cell | null {
  return estimate ? { text: formatNumber(estimate.value), interval: formatInterval(estimate) } : null;
}

/** A share with its interval below, in percent. */
export function shareCell(estimate: Estimate | null | undefined): Cell | null {
  if (!estimate) return null;
  const { value, low, high } = estimate;
  if (low === null || high === null) return { text: formatPercent(value) };
  return { text: formatPercent(value), interval: `${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)}` };
}

/** What `show` makes of a value; null where there is none. */
export function cellOf(value: number | null | undefined, show: (value: number) => string): Cell | null {
  return value === null || value === undefined ? null : { text: show(value) };
}
