/** @file What a way to store the matrices of an exported graph has to do. */

import { ModelError } from "../errors.js";
import type { GraphEditor } from "./graph-editor.js";

/** What the weights of an exported file are stored as. */
export const precisions = ["float32", "float16", "int8", "int4"] as const;
export type Precision = (typeof precisions)[number];

/** A weight `[outputs, inputs]` as Hugging Face files have it. */
export interface Matrix {
  readonly name: string;
  readonly outputs: number;
  readonly inputs: number;
  readonly data: Float32Array;
}

/** One way to store matrices. */
export interface WeightStore {
  /** `x · weightᵀ`: `[rows, inputs]` to `[rows, outputs]`. */
  product(editor: GraphEditor, x: string, matrix: Matrix, output: string): void;
  /** Rows of the matrix: ids `[tokens]` to `[tokens, inputs]`. */
  gather(editor: GraphEditor, ids: string, matrix: Matrix, output: string): void;
}

/** @throws ModelError that names the weight. */
export function refuseValue({ name }: Matrix, precision: Precision, value: number): never {
  throw new ModelError(`export: weight "${name}" must fit into ${precision}, got ${value}.`, {
    hint: "Export float32 or int8.",
  });
}
