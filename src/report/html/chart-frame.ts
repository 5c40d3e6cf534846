/** @file What the charts of the page share: title, unit, a description for those who cannot see it, and axes. */

import type { Axis } from "./axis.js";
import { type Child, html, type Markup } from "./markup.js";

export interface ChartFrame {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  /** Below the title. */
  readonly unit: string;
  readonly width: number;
  readonly height: number;
  /** The whole chart in words. */
  readonly description: string;
}

/** A figure around what is drawn. */
export function chartFigure({ id, title, unit, width, height, description }: ChartFrame, drawing: Child): Markup {
  return html`<figure class="chart">
<figcaption><h3>${title}</h3><p class="unit">${unit}</p></figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-title ${id}-description">
<title id="${id}-title">${title}</title>
<desc id="${id}-description">${description}</desc>
${drawing}
</svg>
</figure>
`;
}

/** Where the axes lie, in the drawing's units. */
export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface MarkedAxis {
  readonly axis: Axis;
  format(tick: number): string;
}

/** A line across the plot for each tick of `y`, and the ticks' texts below and to the left. */
export function grid(plot: Plot, x: MarkedAxis, y: MarkedAxis): Markup {
  return html`${y.axis.ticks.map((tick) => {
    const place = round(y.axis.place(tick));
    return html`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${place}" y2="${place}"/>
<text class="tick" x="${plot.left - 6}" y="${place + 3.5}" text-anchor="end">${y.format(tick)}</text>
`;
  })}
${x.axis.ticks.map((tick) => {
  return html`<text class="tick" x="${round(x.axis.place(tick))}" y="${plot.bottom + 16}" text-anchor="middle">${x.format(tick)}</text>
`;
})}`;
}

/** A coordinate to a tenth. */
export function round(coordinate: number): number {
  return Math.round(coordinate * 10) / 10;
}
