/** @file How often a model is right at every confidence as inline SVG: bars against the diagonal that a well-calibrated one keeps. */

import type { Calibration, ReliabilityBin } from "../../evaluate/calibration.js";
import { formatPercent } from "../format.js";
import { html, type Markup } from "./markup.js";

const WIDTH = 360;
const HEIGHT = 250;
const plot = { left: 40, right: 340, top: 12, bottom: 218 };
const ticks = [0, 0.25, 0.5, 0.75, 1];

/** Whose predictions these are, and what they are called. */
export interface ReliabilityWords {
  /** Unique in the page. */
  readonly id: string;
  readonly name: "teacher" | "student";
  readonly title: string;
  /** What is predicted, in the plural. */
  readonly what: string;
}

/**
 * Draws the reliability diagram: each bar is as high as the share of predictions that came true, and as opaque as its bin is full;
 * the dots are the shares expected.
 *
 * @see Guo et al. 2017, §2 and figure 1 (arXiv:1706.04599).
 */
export function reliabilityChart({ bins }: Calibration, { id, name, title, what }: ReliabilityWords): Markup {
  const filled = bins.filter(({ count }) => count > 0);
  const most = Math.max(...filled.map(({ count }) => count));
  return html`<figure class="chart">
<figcaption><h3>${title}</h3><p class="unit">share of ${what} guessed right, by the probability of the guess</p></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-title ${id}-description">
<title id="${id}-title">Reliability of the ${name}'s likeliest ${what}</title>
<desc id="${id}-description">${filled.map((bin) => describe(bin, what)).join(" ")}</desc>
${ticks.map((tick) => {
  return html`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${y(tick)}" y2="${y(tick)}"/>
<text class="tick" x="${plot.left - 6}" y="${y(tick) + 3.5}" text-anchor="end">${percent(tick)}</text>
<text class="tick" x="${x(tick)}" y="${plot.bottom + 18}" text-anchor="middle">${percent(tick)}</text>
`;
})}
${filled.map((bin) => {
  const height = round(y(0) - y(bin.accuracy));
  return html`<rect class="${name} bin" x="${round(x(bin.low) + 1)}" y="${y(bin.accuracy)}" width="${round(x(bin.high) - x(bin.low) - 2)}" height="${height}" opacity="${round(0.25 + 0.75 * Math.sqrt(bin.count / most))}"><title>${describe(bin, what)}</title></rect>
`;
})}
<path class="line faint twin" d="M${x(0)} ${y(0)}L${x(1)} ${y(1)}"/>
${filled.map((bin) => html`<circle class="dot twin" cx="${x(bin.confidence)}" cy="${y(bin.confidence)}" r="2.5"/>\n`)}
</svg>
</figure>
`;
}

function describe({ count, confidence, accuracy }: ReliabilityBin, what: string): string {
  return `${count.toLocaleString("en-US")} ${what} at ${formatPercent(confidence)}: right at ${formatPercent(accuracy)}.`;
}

function x(share: number): number {
  return round(plot.left + share * (plot.right - plot.left));
}

function y(share: number): number {
  return round(plot.bottom - share * (plot.bottom - plot.top));
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function round(coordinate: number): number {
  return Math.round(coordinate * 100) / 100;
}
