/** @file What a weight does to a measure as inline SVG: a line of students with their intervals, between levels to compare with. */

import type { Estimate } from "../../evaluate/statistics.js";
import { formatInterval } from "../format.js";
import type { ModelRole } from "../report.js";
import { exactAxis, linearAxis } from "./axis.js";
import { chartFigure, grid, round } from "./chart-frame.js";
import { html, type Markup } from "./markup.js";

export interface WeightChart {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly points: readonly { readonly weight: number; readonly estimate: Estimate }[];
  /** Dotted lines; `role` gives them their colour. */
  readonly levels: readonly { readonly name: string; readonly role: ModelRole; readonly value: number }[];
  format(value: number): string;
}

const WIDTH = 360;
const HEIGHT = 226;
const plot = { left: 46, right: 300, top: 12, bottom: 194 };

/** Draws the chart; null where there are fewer than two weights. */
export function weightChart(chart: WeightChart): Markup | null {
  const points = [...chart.points].sort((a, b) => a.weight - b.weight);
  if (points.length < 2) return null;
  const values = [
    ...points.flatMap(({ estimate: { value, low, high } }) => [value, low ?? value, high ?? value]),
    ...chart.levels.map(({ value }) => value),
  ];
  const x = exactAxis(points[0]!.weight, points.at(-1)!.weight, {
    from: plot.left + 8,
    to: plot.right - 8,
    tickCount: 5,
  });
  const y = linearAxis(Math.min(...values), Math.max(...values), { from: plot.bottom, to: plot.top, tickCount: 4 });
  const at = (weight: number, value: number) => ({ x: round(x.place(weight)), y: round(y.place(value)) });
  const line = points.map(({ weight, estimate }, i) => {
    const place = at(weight, estimate.value);
    return `${i === 0 ? "M" : "L"}${place.x} ${place.y}`;
  });
  const description = describe(chart, points);
  return chartFigure(
    { ...chart, width: WIDTH, height: HEIGHT, description },
    html`${grid(plot, { axis: x, format: String }, { axis: y, format: chart.format })}
<text class="tick" x="${plot.right + 8}" y="${plot.bottom + 16}">λ</text>
${chart.levels.map(({ name, role, value }) => {
  const place = round(y.place(value));
  return html`<line class="level ${role}" x1="${plot.left}" x2="${plot.right}" y1="${place}" y2="${place}"/>
<text class="name ${role}" x="${plot.right + 6}" y="${place + 4}">${name}</text>
`;
})}
<path class="line student" d="${line.join("")}"/>
${points.map(({ weight, estimate: { value, low, high } }) => {
  const place = at(weight, value);
  return html`${low === null || high === null ? null : html`<line class="interval student" x1="${place.x}" x2="${place.x}" y1="${round(y.place(low))}" y2="${round(y.place(high))}"/>`}
<circle class="dot student" cx="${place.x}" cy="${place.y}" r="3.5"><title>λ = ${String(weight)}: ${chart.format(value)}</title></circle>
`;
})}`,
  );
}

function describe(chart: WeightChart, points: WeightChart["points"]): string {
  const students = points.map(({ weight, estimate }) => {
    const interval = formatInterval(estimate);
    return `λ = ${weight}: ${chart.format(estimate.value)}${interval && ` (${interval})`}.`;
  });
  const levels = chart.levels.map(({ name, value }) => `${name}: ${chart.format(value)}.`);
  return [`${chart.unit}.`, ...students, ...levels].join(" ");
}
