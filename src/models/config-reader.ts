/** @file Reading keys of config.json with errors that name the key, what was expected and what is there. */

import { ModelError, show } from "../errors.js";

/** A config.json, or an object inside it. */
export type ConfigObject = Readonly<Record<string, unknown>>;

function mismatch(key: string, expected: string, value: unknown): never {
  throw new ModelError(
    `config.json: "${key}" must be ${expected}, got ${value === undefined ? "nothing" : show(value)}.`,
    { hint: "Check that the folder holds the model's own config.json." },
  );
}

/** A positive whole number; `fallback` where the key is missing or null. */
export function readCount(config: ConfigObject, key: string, fallback?: number): number {
  const value = config[key] ?? fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1) {
    mismatch(key, "a whole number of at least 1", config[key]);
  }
  return value;
}

/** A positive number; `fallback` where the key is missing or null. */
export function readPositive(config: ConfigObject, key: string, fallback?: number): number {
  const value = config[key] ?? fallback;
  if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value))
    mismatch(key, "a number above 0", config[key]);
  return value;
}

export function readFlag(config: ConfigObject, key: string, fallback: boolean): boolean {
  const value = config[key] ?? fallback;
  if (typeof value !== "boolean") mismatch(key, "true or false", value);
  return value;
}

/** One of a closed list of names. */
export function readName<Name extends string>(
  config: ConfigObject,
  key: string,
  names: readonly Name[],
  fallback: Name,
): Name {
  const value = config[key] ?? fallback;
  const name = names.find((candidate) => candidate === value);
  return name ?? mismatch(key, names.map((each) => `"${each}"`).join(" or "), value);
}

/** An object, or undefined where the key is missing or null. */
export function readObject(config: ConfigObject, key: string): ConfigObject | undefined {
  const value = config[key] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) mismatch(key, "an object", value);
  return value as ConfigObject;
}
