/** @file The models side by side on one measure as inline SVG: a dot where each stands, a bar for its 95 % interval. */

import type { Estimate } from "../../evaluate/statistics.js";
import { formatInterval, formatNumber } from "../format.js";
import type { ModelRole } from "../report.js";
import { roleNames } from "../roles.js";
import { exactAxis, linearAxis } from "./axis.js";
import { chartFigure, round } from "./chart-frame.js";
import { html, type Markup } from "./markup.js";

export interface IntervalChart {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly scale: "linear" | "from-zero" | "share";
  readonly models: readonly ComparedModel[];
  format(value: number): string;
}

export interface ComparedModel {
  /** Gives the colour, and the names where none are given. */
  readonly role: ModelRole;
  readonly names?: { readonly short: string; readonly long: string };
  readonly estimate: Estimate;
}

const WIDTH = 360;
const ROW_HEIGHT = 27;
const plot = { left: 66, right: 296 };

/** Draws the chart; null where fewer than two models can be compared. */
export function intervalChart(chart: IntervalChart): Markup | null {
  if (chart.models.length < 2) return null;
  const bottom = chart.models.length * ROW_HEIGHT + 4;
  const ends = chart.models.flatMap(({ estimate: { value, low, high } }) => [value, low ?? value, high ?? value]);
  const place = { from: plot.left, to: plot.right, tickCount: 4 };
  const axis =
    chart.scale === "linear"
      ? linearAxis(Math.min(...ends), Math.max(...ends), place)
      : exactAxis(0, chart.scale === "share" ? 1 : Math.max(...ends) * 1.04, place);
  const x = (value: number) => round(axis.place(value));

  const description = describe(chart);
  return chartFigure(
    { ...chart, width: WIDTH, height: bottom + 22, description },
    html`${axis.ticks.map((tick) => {
      return html`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="2" y2="${bottom}"/>
<text class="tick" x="${x(tick)}" y="${bottom + 16}" text-anchor="middle">${chart.scale === "share" ? `${Math.round(tick * 100)} %` : String(tick)}</text>
`;
    })}
${chart.models.map(({ role, names = roleNames[role], estimate: { value, low, high } }, i) => {
  const y = i * ROW_HEIGHT + ROW_HEIGHT / 2 + 2;
  return html`<text class="name ${role}" x="0" y="${y + 4}">${names.short}</text>
${low === null || high === null ? null : html`<line class="interval ${role}" x1="${x(low)}" x2="${x(high)}" y1="${y}" y2="${y}"/>`}
<circle class="dot ${role}" cx="${x(value)}" cy="${y}" r="4"/>
<text class="value ${role}" x="${WIDTH}" y="${y + 4}" text-anchor="end">${chart.format(value)}</text>
`;
})}`,
  );
}

function describe(chart: IntervalChart): string {
  const models = chart.models.map(({ role, names = roleNames[role], estimate }) => {
    const interval = formatInterval(estimate);
    return `${names.long}: ${formatNumber(estimate.value)}${interval && ` (${interval})`}.`;
  });
  return [`${chart.unit}.`, ...models].join(" ");
}
