/** @file Models as points, quality against a cost, as inline SVG: filled on the Pareto front, hollow elsewhere, with their letters. */

import { formatNumber } from "../format.js";
import { linearAxis, logAxis } from "./axis.js";
import { chartFigure, grid, round } from "./chart-frame.js";
import { html, type Markup } from "./markup.js";

export interface ScatterPoint {
  readonly label: string;
  readonly name: string;
  readonly cost: number;
  readonly loss: number;
  readonly kind: "front" | "other" | "teacher";
}

export interface ScatterChart {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly points: readonly ScatterPoint[];
  formatCost(value: number): string;
}

const WIDTH = 360;
const HEIGHT = 250;
const plot = { left: 40, right: 340, top: 12, bottom: 218 };
const roleOf = { front: "student", other: "student-before", teacher: "teacher" } as const;

/** Draws the chart; null where fewer than two points can be compared, or all cost the same. The cost's axis is logarithmic. */
export function scatterChart(chart: ScatterChart): Markup | null {
  const points = chart.points.filter(({ cost, loss }) => cost > 0 && Number.isFinite(loss));
  const costs = new Set(points.map(({ cost }) => cost));
  if (points.length < 2 || costs.size === 1) return null;
  const [values, losses] = [points.map(({ cost }) => cost), points.map(({ loss }) => loss)];
  const x = logAxis(Math.min(...values), Math.max(...values), { from: plot.left, to: plot.right, tickCount: 3 });
  const y = linearAxis(Math.min(0, ...losses), Math.max(...losses), { from: plot.bottom, to: plot.top, tickCount: 4 });
  const place = (point: ScatterPoint) => ({ x: round(x.place(point.cost)), y: round(y.place(point.loss)) });
  const front = points.filter(({ kind }) => kind === "front").sort((a, b) => a.cost - b.cost);
  const description = describe(chart, points);
  return chartFigure(
    { ...chart, width: WIDTH, height: HEIGHT, description },
    html`${grid(plot, { axis: x, format: chart.formatCost }, { axis: y, format: String })}
${front.length > 1 ? html`<path class="line faint student" d="${stairs(front.map(place))}"/>\n` : null}
${points.map((point) => {
  const at = place(point);
  const role = roleOf[point.kind];
  return html`<circle class="dot ${role}" cx="${at.x}" cy="${at.y}" r="4.5"><title>${point.name}: ${formatNumber(point.loss)} at ${chart.formatCost(point.cost)}</title></circle>
<text class="name ${role}" x="${at.x + (isAtEnd(at.x) ? 4 : 8)}" y="${at.y - 8}" text-anchor="${isAtEnd(at.x) ? "end" : "start"}">${point.label}</text>
`;
})}`,
  );
}

/** Where a name to the right would leave the drawing. */
function isAtEnd(x: number): boolean {
  return x > plot.right - 30;
}

/** The best loss that each cost buys: it falls where a point of the front stands. */
function stairs(points: readonly { readonly x: number; readonly y: number }[]): string {
  return points.map(({ x, y }, i) => (i === 0 ? `M${x} ${y}` : `H${x}V${y}`)).join("");
}

function describe(chart: ScatterChart, points: readonly ScatterPoint[]): string {
  const texts = points.map(({ label, name, cost, loss, kind }) => {
    const front = kind === "front" ? ", on the front" : "";
    return `${label}, ${name}: ${formatNumber(loss)} at ${chart.formatCost(cost)}${front}.`;
  });
  return [`${chart.unit}.`, ...texts].join(" ");
}
