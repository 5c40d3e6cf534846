/** @file From numbers to places on paper: linear and logarithmic axes with round ticks. */

/** A mapping from values to coordinates, and the values worth a mark. */
export interface Axis {
  readonly ticks: readonly number[];
  place(value: number): number;
}

/** Where an axis lies, in the drawing's units; `from` is the place of the lowest value. */
export interface AxisPlace {
  readonly from: number;
  readonly to: number;
  readonly tickCount: number;
}

/** A linear axis over `[low, high]`, widened to a round tick at both ends. */
export function linearAxis(low: number, high: number, { from, to, tickCount }: AxisPlace): Axis {
  const top = high > low ? high : low + Math.max(Math.abs(low), 1) * 0.1;
  const spacing = roundSpacing((top - low) / tickCount);
  const first = Math.floor(low / spacing + 1e-9);
  const last = Math.ceil(top / spacing - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * spacing).toPrecision(12)));
  const start = first * spacing;
  const length = (last - first) * spacing;
  return { ticks, place: (value) => from + ((value - start) / length) * (to - from) };
}

/** A linear axis that ends exactly at `[low, high]`, with round ticks within. */
export function exactAxis(low: number, high: number, { from, to, tickCount }: AxisPlace): Axis {
  const length = high > low ? high - low : 1;
  const spacing = roundSpacing(length / tickCount);
  const first = Math.ceil(low / spacing - 1e-9);
  const count = Math.floor((low + length) / spacing + 1e-9) - first + 1;
  const ticks = Array.from({ length: count }, (_, i) => Number(((first + i) * spacing).toPrecision(12)));
  return { ticks, place: (value) => from + ((value - low) / length) * (to - from) };
}

/** A logarithmic axis over `[low, high]`, both above 0, a little wider than its values, with ticks at 1, 2 and 5 times powers of ten. */
export function logAxis(low: number, high: number, { from, to, tickCount }: AxisPlace): Axis {
  const margin = Math.max(Math.log(high / low) * 0.06, 0.05);
  const start = Math.log(low) - margin;
  const length = Math.log(high) + margin - start;
  const candidates: readonly number[][] = [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 5], [1, 3], [1]];
  const within = candidates.map((steps) => {
    const decades = Array.from({ length: 40 }, (_, decade) => 10 ** (decade - 20));
    const values = decades.flatMap((decade) => steps.map((step) => Number((step * decade).toPrecision(3))));
    return values.filter((value) => Math.log(value) >= start && Math.log(value) <= start + length);
  });
  const round = within.find((values) => values.length <= tickCount + 1) ?? thin(within.at(-1)!, tickCount);
  const ticks = round.length > 1 ? round : exactAxis(low, high, { from, to, tickCount }).ticks;
  return { ticks, place: (value) => from + ((Math.log(value) - start) / length) * (to - from) };
}

function thin(values: readonly number[], count: number): readonly number[] {
  const every = Math.ceil(values.length / count);
  return values.filter((_, i) => i % every === 0);
}

/** The smallest of 1, 2, 2.5 and 5 times a power of ten that is at least `spacing`. */
function roundSpacing(spacing: number): number {
  const power = 10 ** Math.floor(Math.log10(spacing));
  const factor = [1, 2, 2.5, 5, 10].find((candidate) => candidate * power >= spacing * (1 - 1e-9)) ?? 10;
  return factor * power;
}
