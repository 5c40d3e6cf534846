/** @file `--set a.b=c`: values given on the command line, laid over those of the file. */

import { parseDocument } from "yaml";
import { type ConfigProblem, show } from "../errors.js";

/** One `--set`, as written and as understood. */
export interface Override {
  /** What was written: `--set training.steps=10`. */
  readonly source: string;
  readonly path: readonly string[];
  /** The value, read as YAML; undefined takes the key out. */
  readonly value: unknown;
}

/** Keys that exclude each other: one that is set takes the place of the others in the file. */
const alternatives: readonly (readonly string[])[] = [
  ["training.steps", "training.epochs"],
  ["student.model", "student.shape", "student.from"],
  ["data.heldOut", "data.heldOutFraction"],
];

/**
 * Reads `a.b=c`. The value is YAML: `2`, `null`, `[0.9, 0.95]`, `text`; nothing after the sign takes the key out of the config.
 *
 * @returns the override, or what is wrong with the text.
 */
export function parseOverride(text: string): Override | ConfigProblem {
  const source = `--set ${text}`;
  const sign = text.indexOf("=");
  const path = text.slice(0, sign === -1 ? undefined : sign).split(".");
  if (sign === -1 || path.some((key) => key.trim() === "")) {
    return { path: "--set", message: `expected a.b=value, got ${show(text)}` };
  }
  const value = text.slice(sign + 1);
  const document = parseDocument(value, { prettyErrors: false });
  if (document.errors.length > 0) {
    return { path: source, message: `expected a value in YAML, got ${show(value)}` };
  }
  return { source, path: path.map((key) => key.trim()), value: value.trim() === "" ? undefined : document.toJS() };
}

/**
 * A copy of `data` with the overrides applied in order; sections that they need are made, and what they exclude goes, unless
 * it was set too.
 */
export function applyOverrides(data: Record<string, unknown>, overrides: readonly Override[]): Record<string, unknown> {
  const result = structuredClone(data);
  const set = new Set(overrides.map(({ path }) => path.join(".")));
  const displaced = overrides.flatMap(({ path, value }) => {
    const group = alternatives.find((keys) => keys.includes(path.join("."))) ?? [];
    const others = value === undefined ? [] : group.filter((key) => !set.has(key));
    return others.map((key) => ({ path: key.split("."), value: undefined }));
  });
  for (const { path, value } of [...displaced, ...overrides]) {
    let section = result;
    for (const key of path.slice(0, -1)) {
      if (!Object.hasOwn(section, key) || typeof section[key] !== "object" || section[key] === null) section[key] = {};
      section = section[key] as Record<string, unknown>;
    }
    const key = path.at(-1)!;
    if (value === undefined) delete section[key];
    else section[key] = value;
  }
  return result;
}
