/** @file What a model computes in, and how its weights are kept for that. */

import type { ParameterSpec } from "../../models/architecture.js";
import type { WeightFormat } from "../../models/layers/quantized-weight.js";

export const precisions = ["float32", "int8", "int4"] as const;

/** `float32`, or weights of 8 or 4 bits that are multiplied as such. */
export type Precision = (typeof precisions)[number];

/**
 * What the model is for. `reading`: many tokens at once, its hidden states wanted (a teacher, an evaluation); the embedding table
 * and the output head stay as they are. `writing`: one token after the other, where every weight is read for each.
 */
export type ModelUse = "reading" | "writing";

/**
 * How each quantized weight is kept, by name; what is not named stays in floats. Where 4 bits are written with, embeddings and
 * head have 8, as other software has them: rounding them costs the most and saves the least.
 */
export function formatsFor(
  specs: readonly ParameterSpec[],
  precision: Precision,
  use: ModelUse,
): ReadonlyMap<string, WeightFormat> {
  const formats = new Map<string, WeightFormat>();
  if (precision === "float32") return formats;
  const matrix = precision === "int4" ? "4-bit-blocks" : use === "reading" ? "int8" : "8-bit-blocks";
  for (const { name, role } of specs) {
    if (role === "matrix" || role === "residual-matrix") formats.set(name, matrix);
    else if ((role === "embedding" || role === "head") && use === "writing") formats.set(name, "8-bit-blocks");
  }
  return formats;
}
