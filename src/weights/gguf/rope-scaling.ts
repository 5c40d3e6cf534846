/** @file Rotary scaling from GGUF: a kind in the metadata, or a tensor of factors, one for each pair of features. */

import { ModelError, show, UnsupportedError } from "../../errors.js";
import type { Metadata } from "./metadata.js";

interface Rotation {
  readonly theta: number;
  readonly headDim: number;
  /** What each angle is divided by, `[headDim / 2]`. */
  readonly factors: Float32Array | undefined;
}

/**
 * The `rope_scaling` of config.json; undefined for none.
 *
 * Llama 3.1's scaling becomes a tensor of factors when a model is converted, with a frequency range of 1 to 4 and 8,192 original
 * positions whatever the model says. It is recognised by computing those factors again; others are refused.
 *
 * @throws UnsupportedError for a kind that is not read, or factors that are not Llama 3.1's.
 */
export function readRopeScaling(
  metadata: Metadata,
  key: (name: string) => string,
  { theta, headDim, factors }: Rotation,
): Record<string, unknown> | undefined {
  const { path } = metadata;
  const kind = metadata.text(key("rope.scaling.type")) ?? "none";
  const factor = metadata.number(key("rope.scaling.factor")) ?? metadata.number(key("rope.scale_linear")) ?? 1;
  if (kind !== "none" && kind !== "linear") {
    throw new UnsupportedError(`"${path}": rotary scaling must be none, linear or Llama 3's, got ${show(kind)}.`, {
      hint: "Use a model for the original number of positions.",
    });
  }
  if (factors === undefined || factors.every((each) => each === 1)) {
    return factor === 1 ? undefined : { rope_type: "linear", factor };
  }
  if (factors.length !== headDim / 2) {
    throw new ModelError(`"${path}": rotary factors must be ${headDim / 2}, got ${factors.length}.`);
  }
  const largest = Math.max(...factors);
  const expected = llama3Factors(theta, headDim, largest);
  if (factor !== 1 || factors.some((each, i) => !(Math.abs(each / expected[i]! - 1) < 1e-4))) {
    throw new UnsupportedError(
      `"${path}": rotary factors must be those of Llama 3.1's scaling by ${largest}, got ${show(Array.from(factors))}.`,
      { hint: "Use the model's Hugging Face folder." },
    );
  }
  return { rope_type: "llama3", factor: largest, ...llama3Range };
}

const llama3Range = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };

/** Wavelengths of more than the original positions are stretched by `factor`, those that fit four times are kept, others blended. */
function llama3Factors(theta: number, headDim: number, factor: number): number[] {
  const { low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: positions } = llama3Range;
  return Array.from({ length: headDim / 2 }, (_, i) => {
    const turns = (positions * theta ** ((-2 * i) / headDim)) / (2 * Math.PI);
    if (turns > high) return 1;
    if (turns < low) return factor;
    const blend = (turns - low) / (high - low);
    return 1 / ((1 - blend) / factor + blend);
  });
}
