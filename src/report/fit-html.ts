/** @file Fitted students beside their teacher as a page that needs nothing but itself: one small chart per divergence. */

import type { Fit } from "../losses/fit-laboratory.js";
import { formatNumber, formatPercent } from "./format.js";
import { exactAxis, linearAxis } from "./html/axis.js";
import { html, type Markup } from "./html/markup.js";
import { pageHtml } from "./html/page.js";
import { section } from "./html/section.js";

export interface NamedFit extends Fit {
  readonly name: string;
}

export interface FitPage {
  readonly teacher: readonly number[];
  readonly fits: readonly NamedFit[];
  readonly limbeckVersion: string;
  /** ISO 8601. */
  readonly created: string;
}

const WIDTH = 360;
const plot = { left: 40, right: 346, top: 10, bottom: 178 };

/** The page as text; every word of it is escaped, and it may load and run nothing. */
export function fitHtml({ teacher, fits, limbeckVersion, created }: FitPage): string {
  const top = Math.max(...teacher, ...fits.flatMap(({ probabilities }) => probabilities));
  return pageHtml({
    title: "One Gaussian, fitted to a teacher",
    limbeckVersion,
    kicker: "loss",
    created,
    lede: "The student cannot copy its teacher. What it does instead depends on how the distance is measured.",
    sections: [
      section("Where the descent ended", "Blue is the teacher, copper the student. All charts have the same axes: outcomes, and their probability.", [
        html`<div class="charts">${fits.map((fit, i) => chart(teacher, fit, top, i))}</div>`,
      ]),
    ],
  });
}

function chart(teacher: readonly number[], fit: NamedFit, top: number, index: number): Markup {
  const x = exactAxis(0, teacher.length - 1, { from: plot.left, to: plot.right, tickCount: 5 });
  const y = linearAxis(0, top, { from: plot.bottom, to: plot.top, tickCount: 4 });
  const place = (value: number) => Math.round(value * 10) / 10;
  const path = (values: readonly number[]) =>
    values.map((value, i) => `${i === 0 ? "M" : "L"}${place(x.place(i))} ${place(y.place(value))}`).join("");
  const unit = `mean ${formatNumber(fit.mean)}, deviation ${formatNumber(fit.deviation)}, value ${formatNumber(fit.value)}`;
  const id = `fit-${index}`;
  return html`<figure class="chart">
<figcaption><h3>${fit.name}</h3><p class="unit">${unit}</p></figcaption>
<svg viewBox="0 0 ${WIDTH} 204" role="img" aria-labelledby="${id}-title ${id}-description">
<title id="${id}-title">${fit.name}</title>
<desc id="${id}-description">${unit}; ${formatPercent(fit.covered)} of the teacher's mass within two deviations.</desc>
${y.ticks.map(
  (
    tick,
  ) => html`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${place(y.place(tick))}" y2="${place(y.place(tick))}"/>
<text class="tick" x="${plot.left - 6}" y="${place(y.place(tick)) + 3.5}" text-anchor="end">${String(tick)}</text>
`,
)}
${x.ticks.map(
  (
    tick,
  ) => html`<text class="tick" x="${place(x.place(tick))}" y="${plot.bottom + 16}" text-anchor="middle">${String(tick)}</text>
`,
)}
<path class="line teacher" d="${path(teacher)}"/>
<path class="line student" d="${path(fit.probabilities)}"/>
</svg>
</figure>
`;
}
