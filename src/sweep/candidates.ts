/**
 * @file The combinations that a sweep tries: all of them, or some that are drawn.
 *
 * @see Bergstra & Bengio 2012, "Random Search for Hyper-Parameter Optimization", JMLR 13, §2: drawn combinations try as many
 *   values of every key as there are trials, where a grid of as many trials tries few.
 */

import { createRandom, type Random } from "../data/random.js";
import { LimbeckError } from "../errors.js";
import { type Dimension, isRange, type ValueList, type ValueRange } from "./dimension.js";

/** One combination, as what `--set` would say. */
export interface Candidate {
  /** Also the name of its folder. */
  readonly name: string;
  /** `key=value`, one per dimension. */
  readonly overrides: readonly string[];
}

/** A value for every dimension, and its number within a list of values. */
type Point = readonly { readonly key: string; readonly value: unknown; readonly index: number | undefined }[];

/**
 * Every combination of the values, the last key changing fastest.
 *
 * @throws LimbeckError `USAGE` where a key has a range, which has no end of values.
 */
export function gridOf(dimensions: readonly Dimension[]): readonly Candidate[] {
  const range = dimensions.find(isRange);
  if (range) {
    throw new LimbeckError("USAGE", `--over ${range.key}: expected values to try, got a range.`, {
      hint: "List values between commas, or draw from the range with --search random --trials N.",
    });
  }
  let points: Point[] = [[]];
  for (const { key, values } of dimensions as readonly ValueList[]) {
    points = points.flatMap((point) => values.map((value, index) => [...point, { key, value, index }]));
  }
  return nameAll(points);
}

/**
 * So many different combinations, each key drawn on its own: a value of a list with equal chances; of a range uniformly,
 * on a logarithmic scale where both ends are above 0. Fewer where there are no more.
 */
export function drawCandidates(dimensions: readonly Dimension[], count: number, seed: number): readonly Candidate[] {
  const random = createRandom(seed);
  const points = new Map<string, Point>();
  // Of a finite grid every point is drawn in far fewer turns.
  for (let turn = 0; turn < 1000 * count && points.size < count; turn++) {
    const point = dimensions.map((dimension) => draw(dimension, random));
    const key = JSON.stringify(point.map(({ value }) => value));
    if (!points.has(key)) points.set(key, point);
  }
  return nameAll([...points.values()]);
}

function draw(dimension: Dimension, random: Random): Point[number] {
  if (isRange(dimension)) return { key: dimension.key, value: drawNumber(dimension, random), index: undefined };
  const index = random.nextBelow(dimension.values.length);
  return { key: dimension.key, value: dimension.values[index], index };
}

function drawNumber({ low, high, isWhole }: ValueRange, random: Random): number {
  // Whole numbers have a unit's width each: 1..4 is drawn from [0.5, 4.5).
  const [from, to] = isWhole ? [low - 0.5, high + 0.5] : [low, high];
  const share = random.nextFloat();
  const drawn = from > 0 ? from * (to / from) ** share : from + (to - from) * share;
  return isWhole ? Math.min(high, Math.max(low, Math.round(drawn))) : Number(drawn.toPrecision(4));
}

function nameAll(points: readonly Point[]): readonly Candidate[] {
  const taken = new Set<string>();
  const names = shortKeys(points[0]?.map(({ key }) => key) ?? []);
  return points.map((point) => {
    const whole = point.map(({ value, index }, i) => `${names[i]}-${slugOf(value, index)}`).join("_");
    const wanted = whole.slice(0, 80);
    let name = wanted;
    for (let copy = 2; taken.has(name); copy++) name = `${wanted}-${copy}`;
    taken.add(name);
    return { name, overrides: point.map(({ key, value }) => `${key}=${JSON.stringify(value)}`) };
  });
}

/** The last part of every key, and as many before it as tell it from the others. */
function shortKeys(keys: readonly string[]): readonly string[] {
  return keys.map((key) => {
    const parts = key.split(".");
    for (let count = 1; count < parts.length; count++) {
      const short = parts.slice(-count).join(".");
      if (keys.every((other) => other === key || !other.endsWith(`.${short}`))) return short;
    }
    return key;
  });
}

/** A value as a part of a folder's name; of a section its number in the list. */
function slugOf(value: unknown, index: number | undefined): string {
  const isSection = typeof value === "object" && value !== null && !Array.isArray(value);
  const text = isSection ? String((index ?? 0) + 1) : typeof value === "string" ? lastPart(value) : String(value);
  return text.replace(/[^\w.+-]+/g, "-").replace(/^-+(?=\D)|-+$/g, "") || "empty";
}

/** Of a path the last name. */
function lastPart(text: string): string {
  return text.split("/").findLast((part) => part !== "") ?? text;
}
