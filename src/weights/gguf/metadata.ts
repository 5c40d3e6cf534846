/** @file Reading keys of GGUF metadata with errors that name the file, the key, what was expected and what is there. */

import { ModelError, show } from "../../errors.js";

/** The metadata of one file. A key that is missing gives `undefined`, unless a `fallback` is given or the name says `require`. */
export class Metadata {
  readonly path: string;
  readonly #values: ReadonlyMap<string, unknown>;

  constructor({ path, metadata }: { readonly path: string; readonly metadata: ReadonlyMap<string, unknown> }) {
    this.path = path;
    this.#values = metadata;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** A whole number of at least 0. */
  count(key: string): number | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    const number = typeof value === "bigint" ? Number(value) : value;
    if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
    return this.#mismatch(key, "one whole number", value);
  }

  requireCount(key: string): number {
    return this.count(key) ?? this.#mismatch(key, "a whole number", undefined);
  }

  /** A number, by the shortest decimal that a float32 of this value may be written as: 0.00001 and not 0.000009999999747378752. */
  number(key: string): number | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isFinite(value)) return this.#mismatch(key, "a finite number", value);
    const short = Number(value.toPrecision(7));
    return Math.fround(short) === value ? short : value;
  }

  flag(key: string): boolean | undefined {
    const value = this.#values.get(key);
    return value === undefined || typeof value === "boolean" ? value : this.#mismatch(key, "true or false", value);
  }

  text(key: string): string | undefined {
    const value = this.#values.get(key);
    return value === undefined || typeof value === "string" ? value : this.#mismatch(key, "a text", value);
  }

  requireText(key: string): string {
    return this.text(key) ?? this.#mismatch(key, "a text", undefined);
  }

  texts(key: string): readonly string[] {
    return this.#list(key, "texts", (item) => typeof item === "string");
  }

  numbers(key: string): readonly number[] {
    return this.#list(key, "numbers", (item) => typeof item === "number");
  }

  #list<Item>(key: string, what: string, isItem: (item: unknown) => boolean): readonly Item[] {
    const value = this.#values.get(key);
    if (Array.isArray(value) && value.every(isItem)) return value;
    return this.#mismatch(key, `a list of ${what}`, value);
  }

  #mismatch(key: string, expected: string, value: unknown): never {
    const got =
      value === undefined ? "nothing" : Array.isArray(value) ? `a list of ${value.length}` : show(String(value));
    throw new ModelError(`"${this.path}": metadata "${key}" must be ${expected}, got ${got}.`, {
      hint: "Convert the model again with a current llama.cpp.",
      details: { key },
    });
  }
}
