/** @file What `limbeck export` can write of which student. */

import { UnsupportedError } from "../errors.js";
import type { ExportFormat } from "../export/export-student.js";
import type { ModelShape } from "../models/index.js";
import { UsageError } from "./print-error.js";

export const exportFormats = ["onnx", "huggingface"] as const satisfies readonly ExportFormat[];

/** Why a soft prompt cannot be a part of a file, by format. */
const withoutPrompts: Readonly<Record<string, string>> = {
  gguf: "a GGUF file holds weights and a vocabulary, and no vectors that stand before every text",
  huggingface:
    "a Hugging Face folder holds weights, and the prompt is none of them; the student's folder is in PEFT's format as it is",
};

/**
 * The format that was asked for.
 *
 * @throws UnsupportedError where the student has a soft prompt that the format has no place for, UsageError for no format at all.
 */
export function expectFormat(asked: string, { virtualTokens = 0 }: Pick<ModelShape, "virtualTokens">): ExportFormat {
  const reason = virtualTokens > 0 ? withoutPrompts[asked] : undefined;
  if (reason !== undefined) {
    throw new UnsupportedError(`export: a student with a soft prompt cannot be written as ${asked}: ${reason}.`, {
      hint: "Use --format onnx, which keeps the prompt as keys and values before every text.",
    });
  }
  const format = exportFormats.find((each) => each === asked);
  if (format) return format;
  throw new UsageError(`option "--format" must be one of ${exportFormats.join(", ")}, got "${asked}".`);
}
