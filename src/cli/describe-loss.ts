/** @file What `limbeck loss` tells in the terminal: one objective, several variants of it, and fitted students. */

import type { LossInput } from "../losses/loss-input.js";
import type { LossResult } from "../losses/loss-laboratory.js";
import type { Variant } from "../losses/loss-variants.js";
import type { ObjectiveTerm, SettledObjective } from "../losses/options.js";
import type { NamedFit } from "../report/fit-html.js";
import { formatNumber, formatPercent } from "../report/format.js";
import { facts, table } from "./terminal.js";

export interface SettledInput extends LossInput {
  readonly objective: SettledObjective;
}

export interface VariantResult extends LossResult {
  readonly set: Variant["set"];
}

/** Rows and columns that fit beside each other in 80 columns. */
const mostCells = 5;

export function describeLoss(input: SettledInput, { value, terms, rows, gradient }: LossResult): string {
  const mask = rows.map((_, row) => input.responseMask?.[row] ?? 1);
  const counted = mask.filter((isCounted) => isCounted === 1).length;
  const total = facts([["value", `${formatNumber(value)} nats, the mean of ${counted} of ${rows.length} rows`]]);
  const termRows = Object.entries(terms).map(([name, mean]) => {
    const term = input.objective[name]!;
    return [name, formatNumber(term.weight), formatNumber(mean), describeTerm(term)];
  });
  const perRow = rows.map((nats, row) => {
    const slopes = gradient[row]!;
    const norm = Math.hypot(...slopes);
    const steepest = slopes.reduce((best, slope, id) => (Math.abs(slope) > Math.abs(slopes[best]!) ? id : best), 0);
    return mask[row] === 1
      ? [String(row), formatNumber(nats), formatNumber(norm), `${formatNumber(slopes[steepest]!)} at id ${steepest}`]
      : [String(row), "masked"];
  });
  const shown = perRow.slice(0, 20);
  const more =
    perRow.length > shown.length ? `… and ${perRow.length - shown.length} more rows; --json has them all\n` : "";
  return [
    total,
    table([["term", "weight", "nats", "how"], ...termRows], [3]),
    table([["row", "nats", "|gradient|", "largest slope"], ...shown]) + more,
  ].join("\n");
}

function describeTerm(term: ObjectiveTerm): string {
  switch (term.kind) {
    case "cross-entropy":
      return "cross-entropy with targetIds";
    case "confidence":
      return "cross-entropy with the student's own likeliest id";
    case "feature":
      return term.feature;
    case "divergence":
      return `${term.divergence} at temperature ${term.temperature}${term.scaleByTemperatureSquared ? ", times its square" : ""}`;
  }
}

/** A line per variant: its value, its gradient's size, and the rows apart, or the one row's slopes, where they fit. */
export function describeVariants(results: readonly VariantResult[]): string {
  const keys = Object.keys(results[0]!.set);
  const { rows, gradient } = results[0]!;
  const isOneRow = rows.length === 1;
  const cells = isOneRow ? gradient[0]! : rows;
  const names = cells.length > mostCells ? [] : cells.map((_, i) => (isOneRow ? `slope ${i}` : `row ${i}`));
  const lines = results.map((result) => [
    ...keys.map((key) => String(result.set[key])),
    formatNumber(result.value),
    formatNumber(Math.hypot(...result.gradient.flat())),
    ...(isOneRow ? result.gradient[0]! : result.rows).slice(0, names.length).map(formatNumber),
  ]);
  return table([[...keys, "value", "|gradient|", ...names], ...lines]);
}

const eighths = " ▁▂▃▄▅▆▇█";
const plotHeight = 4;
const widestPlot = 76;

/** The teacher, then every fitted student on the same scale, with what it covers. */
export function describeFits(teacher: readonly number[], fits: readonly NamedFit[]): string {
  const top = Math.max(...teacher, ...fits.flatMap(({ probabilities }) => probabilities));
  const lines = fits.map(({ name, mean, deviation, value, covered }) => {
    return [name, formatNumber(mean), formatNumber(deviation), formatNumber(value), formatPercent(covered)];
  });
  return [
    `teacher\n${bars(teacher, top)}`,
    ...fits.map(({ name, probabilities }) => `${name}\n${bars(probabilities, top)}`),
    table([["fitted with", "mean", "deviation", "value", "teacher's mass within 2 deviations"], ...lines]),
  ].join("\n");
}

/** Bars of one column per outcome, or per few where there are more outcomes than columns. */
function bars(values: readonly number[], top: number): string {
  const perColumn = Math.ceil(values.length / widestPlot);
  const columns = Array.from({ length: Math.ceil(values.length / perColumn) }, (_, i) =>
    Math.max(...values.slice(i * perColumn, (i + 1) * perColumn)),
  );
  const heights = columns.map((value) => Math.round((value / top) * plotHeight * 8));
  const lines = Array.from({ length: plotHeight }, (_, line) => {
    const floor = (plotHeight - 1 - line) * 8;
    return heights
      .map((height) => eighths[Math.min(8, Math.max(0, height - floor))])
      .join("")
      .trimEnd();
  });
  return `${lines.join("\n")}\n`;
}
