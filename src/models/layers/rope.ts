/** @file Rotary position tables: plain, linearly scaled, and scaled as Llama 3.1 does. */

import { ModelError, show } from "../../errors.js";
import { type ConfigObject, readObject, readPositive } from "../config-reader.js";

export type RopeScaling =
  | { readonly kind: "none" }
  | { readonly kind: "linear"; readonly factor: number }
  | {
      readonly kind: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalMaxPositions: number;
    };

export interface Rope {
  /** Base of the geometric series of angles. */
  readonly theta: number;
  readonly scaling: RopeScaling;
}

/** Reads `rope_theta` and `rope_scaling`, or the `rope_parameters` of newer files. */
export function readRope(config: ConfigObject): Rope {
  const parameters = readObject(config, "rope_parameters");
  const scaling = parameters ?? readObject(config, "rope_scaling");
  const theta = readPositive(parameters ?? config, "rope_theta", readPositive(config, "rope_theta", 10_000));
  const kind = scaling?.rope_type ?? scaling?.type ?? "default";
  if (!scaling || kind === "default") return { theta, scaling: { kind: "none" } };
  if (kind === "linear") return { theta, scaling: { kind, factor: readPositive(scaling, "factor") } };
  if (kind === "llama3") {
    return {
      theta,
      scaling: {
        kind,
        factor: readPositive(scaling, "factor"),
        lowFrequencyFactor: readPositive(scaling, "low_freq_factor"),
        highFrequencyFactor: readPositive(scaling, "high_freq_factor"),
        originalMaxPositions: readPositive(scaling, "original_max_position_embeddings"),
      },
    };
  }
  throw new ModelError(`config.json: rope scaling must be "default", "linear" or "llama3", got ${show(kind)}.`);
}

/** Angle per position of each pair of features, `[headDim / 2]`. */
function frequencies({ theta, scaling }: Rope, headDim: number): readonly number[] {
  const plain = Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));
  switch (scaling.kind) {
    case "none":
      return plain;
    case "linear":
      return plain.map((frequency) => frequency / scaling.factor);
    case "llama3":
      // Long wavelengths are stretched by the factor, short ones are kept, those between are blended.
      return plain.map((frequency) => {
        const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions } = scaling;
        const turns = (originalMaxPositions * frequency) / (2 * Math.PI);
        if (turns < low) return frequency / factor;
        if (turns > high) return frequency;
        const blend = (turns - low) / (high - low);
        return ((1 - blend) * frequency) / factor + blend * frequency;
      });
  }
}

/** Cosines and sines of every position and pair, each `[positions, headDim / 2]` in row-major order. */
export function ropeTables(
  rope: Rope,
  headDim: number,
  positions: number,
): { readonly cosine: Float64Array; readonly sine: Float64Array } {
  const perPosition = frequencies(rope, headDim);
  const angles = new Float64Array(positions * perPosition.length);
  for (let i = 0; i < angles.length; i++) {
    angles[i] = Math.floor(i / perPosition.length) * perPosition[i % perPosition.length]!;
  }
  return { cosine: angles.map(Math.cos), sine: angles.map(Math.sin) };
}
