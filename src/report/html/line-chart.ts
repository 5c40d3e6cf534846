/** @file A curve over training steps as inline SVG: lines with their names and last values at their ends, no legend. */

import { formatCount, formatNumber } from "../format.js";
import { type Axis, exactAxis, linearAxis, logAxis } from "./axis.js";
import { grid, round } from "./chart-frame.js";
import { html, type Markup } from "./markup.js";

export interface LinePoint {
  readonly step: number;
  readonly value: number;
}

/** One line. */
export interface Line {
  readonly name: string;
  /** Gives it its colour. */
  readonly role: "student" | "twin";
  /** Tells apart lines of one role; drawn through where left out. */
  readonly dashes?: string;
  readonly points: readonly LinePoint[];
}

export interface LineChart {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  /** What the vertical axis counts. */
  readonly unit: string;
  readonly scale: "linear" | "from-zero" | "log";
  readonly lines: readonly Line[];
  /** A level to compare with: the teacher's. */
  readonly level?: { readonly name: "teacher"; readonly value: number };
  /** Draws a moving average boldly and the points themselves faintly. */
  readonly isNoisy?: boolean;
}

const WIDTH = 360;
const HEIGHT = 226;
const plot = { left: 40, right: 268, top: 10, bottom: 198 };
const LABEL_HEIGHT = 15;

interface Label {
  readonly name: string;
  readonly role: string;
  readonly value: number;
  readonly y: number;
}

/** Draws the chart; null where no line has a point. */
export function lineChart(chart: LineChart): Markup | null {
  const lines = chart.lines
    .map((line) => ({ ...line, points: line.points.filter(({ value }) => isDrawable(value, chart.scale)) }))
    .filter((line) => line.points.length > 0);
  if (lines.length === 0) return null;
  const drawn = lines.map((line) => ({ ...line, points: chart.isNoisy ? smooth(line.points) : line.points }));
  const level = chart.level && isDrawable(chart.level.value, chart.scale) ? chart.level : null;

  const values = [...lines.flatMap(({ points }) => points.map(({ value }) => value)), ...(level ? [level.value] : [])];
  const steps = lines.flatMap(({ points }) => points.map(({ step }) => step));
  const x = exactAxis(Math.min(...steps), Math.max(...steps), { from: plot.left, to: plot.right, tickCount: 4 });
  const y = verticalAxis(chart.scale, Math.min(...values), Math.max(...values));
  const labels = spread([
    ...drawn.map(({ name, role, points }) => {
      const { value } = points.at(-1)!;
      return { name, role, value, y: y.place(value) };
    }),
    ...(level ? [{ name: level.name, role: level.name, value: level.value, y: y.place(level.value) }] : []),
  ]);

  return html`<figure class="chart" data-curves="${readOuts(drawn, x, y)}">
<figcaption><h3>${chart.title}</h3><p class="unit" data-readout>${chart.unit}</p></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${chart.id}-title ${chart.id}-description">
<title id="${chart.id}-title">${chart.title}</title>
<desc id="${chart.id}-description">${describe(chart, drawn)}</desc>
${grid(plot, { axis: x, format: formatCount }, { axis: y, format: tickText })}
<text class="tick" x="${plot.right + 22}" y="${plot.bottom + 16}">step</text>
${level ? html`<line class="level ${level.name}" x1="${plot.left}" x2="${plot.right}" y1="${round(y.place(level.value))}" y2="${round(y.place(level.value))}"/>` : null}
${chart.isNoisy ? lines.map((line) => html`<path class="line faint ${line.role}" d="${path(line.points, x, y)}"/>\n`) : null}
${[...drawn].reverse().map((line) => {
  const last = line.points.at(-1)!;
  return html`<path class="line ${line.role}"${line.dashes ? html` stroke-dasharray="${line.dashes}"` : null} d="${path(line.points, x, y)}"/>
<circle class="dot ${line.role}" cx="${round(x.place(last.step))}" cy="${round(y.place(last.value))}" r="3"/>
`;
})}
${labels.map((label) => {
  return html`<text class="name ${label.role}" x="${plot.right + 9}" y="${round(label.y + 4)}">${label.name} <tspan class="value">${formatNumber(label.value)}</tspan></text>
`;
})}
</svg>
</figure>
`;
}

function verticalAxis(scale: LineChart["scale"], low: number, high: number): Axis {
  const place = { from: plot.bottom, to: plot.top, tickCount: 4 };
  if (scale === "log") return logAxis(low, high, place);
  return linearAxis(scale === "from-zero" ? Math.min(0, low) : low, high, place);
}

function isDrawable(value: number, scale: LineChart["scale"]): boolean {
  return Number.isFinite(value) && (scale !== "log" || value > 0);
}

/** A centred moving average over about a twentieth of the points, one-sided at both ends. */
function smooth(points: readonly LinePoint[]): readonly LinePoint[] {
  const reach = Math.floor(points.length / 40);
  return points.map(({ step }, i) => {
    const window = points.slice(Math.max(0, i - reach), i + reach + 1);
    return { step, value: window.reduce((sum, point) => sum + point.value, 0) / window.length };
  });
}

function path(points: readonly LinePoint[], x: Axis, y: Axis): string {
  return points
    .map(({ step, value }, i) => `${i === 0 ? "M" : "L"}${round(x.place(step))} ${round(y.place(value))}`)
    .join("");
}

/** Moves labels apart until none overlaps, from the top down, then back up from the bottom edge. */
function spread(labels: readonly Label[]): readonly Label[] {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  const places = sorted.map(({ y }) => y);
  for (let i = 1; i < places.length; i++) places[i] = Math.max(places[i]!, places[i - 1]! + LABEL_HEIGHT);
  for (let i = places.length - 1, floor = plot.bottom; i >= 0; i--, floor -= LABEL_HEIGHT) {
    places[i] = Math.min(places[i]!, floor);
  }
  return sorted.map((label, i) => ({ ...label, y: places[i]! }));
}

function describe(chart: LineChart, lines: readonly Line[]): string {
  const courses = lines.map(({ name, points }) => {
    const first = points[0]!;
    const last = points.at(-1)!;
    return `${name}: ${formatNumber(first.value)} at step ${first.step}, ${formatNumber(last.value)} at step ${last.step}.`;
  });
  const level = chart.level ? [`${chart.level.name}: ${formatNumber(chart.level.value)}.`] : [];
  return [`${chart.unit} over training steps.`, ...courses, ...level].join(" ");
}

/** What the page's script needs to read a value under the pointer: per line its name and [x, y, step, text] of each point. */
function readOuts(lines: readonly Line[], x: Axis, y: Axis): string {
  return JSON.stringify(
    lines.map(({ name, points }) => ({
      name,
      points: points.map(({ step, value }) => [round(x.place(step)), round(y.place(value)), step, formatNumber(value)]),
    })),
  );
}

function tickText(value: number): string {
  return Math.abs(value) >= 1000 ? formatCount(value) : String(value).replace("-", "−");
}
