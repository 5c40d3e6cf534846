/** @file One key that a sweep varies: `--over key=v1,v2` lists its values, `--over key=low..high` gives a range to draw from. */

import { parseDocument } from "yaml";
import { LimbeckError, show } from "../errors.js";

/** A key of the config, with what is tried for it. */
export type Dimension = ValueList | ValueRange;

export interface ValueList {
  readonly key: string;
  /** At least one, in the order in which they were written. */
  readonly values: readonly unknown[];
}

export interface ValueRange {
  readonly key: string;
  readonly low: number;
  readonly high: number;
  /** Both ends were written as whole numbers, and so is what is drawn. */
  readonly isWhole: boolean;
}

export function isRange(dimension: Dimension): dimension is ValueRange {
  return "low" in dimension;
}

const number = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?`;
const rangePattern = new RegExp(`^(${number})\\.\\.(${number})$`);

/**
 * Reads `key=v1,v2`. Values are YAML, so that lists and sections can be values too: `student.shape={layers: 2, …},{layers: 4, …}`.
 *
 * @throws LimbeckError `USAGE` where it is none, or a range does not go upwards.
 */
export function parseDimension(text: string): Dimension {
  const sign = text.indexOf("=");
  const key = text.slice(0, Math.max(0, sign)).trim();
  const written = text.slice(sign + 1).trim();
  if (key.split(".").some((part) => part.trim() === "") || written === "") {
    throw usage(
      `--over: expected key=value,value, got ${show(text)}.`,
      "Name a key of the config and what to try for it.",
    );
  }
  const range = rangePattern.exec(written);
  if (range) return { key, ...parseRange(text, range[1]!, range[2]!) };
  const document = parseDocument(`[${written}]`, { prettyErrors: false });
  const values = document.errors.length === 0 ? (document.toJS() as unknown) : undefined;
  if (!Array.isArray(values) || values.length === 0) {
    throw usage(`--over ${key}: expected values in YAML between commas, got ${show(written)}.`);
  }
  const twice = values.find((value, i) => values.slice(0, i).some((other) => isSame(value, other)));
  if (twice !== undefined) throw usage(`--over ${key}: expected every value once, got ${show(twice)} twice.`);
  return { key, values };
}

function parseRange(text: string, from: string, to: string): Omit<ValueRange, "key"> {
  const [low, high] = [Number(from), Number(to)];
  if (!(low < high)) throw usage(`--over ${text}: expected a range that goes upwards, got ${low} to ${high}.`);
  return { low, high, isWhole: [from, to].every((end) => /^[-+]?\d+$/.test(end)) };
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function usage(message: string, hint?: string): LimbeckError {
  return new LimbeckError("USAGE", message, hint === undefined ? {} : { hint });
}
