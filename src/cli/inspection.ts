/** @file What `limbeck inspect` finds, for people and for machines. */

export interface Inspection {
  readonly kind: "model" | "weights" | "tokenizer" | "run" | "checkpoint" | "capture" | "data";
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** Text below the facts, ending in a line break. */
  readonly more?: string;
  /** The same facts for `--json`. */
  readonly data: Readonly<Record<string, unknown>>;
}
