/** @file What can be taken out of a model's layers: hidden states between them, and the queries, keys and values of their attention. */

import { UnsupportedError } from "../errors.js";
import { type Dim, multiplyDims } from "../graph/dims.js";
import type { Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import type { LayerShape, ModelOutputs } from "./architecture.js";
import type { ModelDefinition } from "./model-graph.js";

/** `hidden` is what flows out of a layer, before any norm; the others are what its attention compares and mixes, rotated. */
export type LayerPart = "hidden" | "queries" | "keys" | "values";

/** One thing that one layer computes. Layers count from 1; the hidden states of layer 0 are the token embeddings. */
export interface LayerTap {
  readonly part: LayerPart;
  readonly layer: number;
}

/** A model's layers, seen from outside. */
export interface LayerForm extends LayerShape {
  readonly layers: number;
  readonly hiddenSize: number;
}

/** Undefined where the architecture does not hand out what its layers compute. */
export function layerFormOf({ architecture, shape }: ModelDefinition): LayerForm | undefined {
  const layerShape = architecture.layerShape?.(shape);
  return layerShape && { ...layerShape, layers: shape.layers, hiddenSize: shape.hiddenSize };
}

export function tapName({ part, layer }: LayerTap): string {
  return `layers.${layer}.${part}`;
}

/** Numbers per position. */
export function tapWidth({ hiddenSize, heads, keyValueHeads, headDim }: LayerForm, part: LayerPart): number {
  switch (part) {
    case "hidden":
      return hiddenSize;
    case "queries":
      return heads * headDim;
    case "keys":
    case "values":
      return keyValueHeads * headDim;
  }
}

/**
 * What a layer computes at some positions.
 *
 * @param index - flat positions, of any shape.
 * @returns `[...index, width]`.
 * @throws UnsupportedError where the graph keeps no queries, keys or values, because layers are computed again.
 */
export function takeTap(outputs: ModelOutputs, { part, layer }: LayerTap, index: Value): Value {
  if (part === "hidden") return g.gather(outputs.residuals![layer]!, index);
  const { queries, keyValues } = outputs;
  if (!queries || !keyValues) {
    throw new UnsupportedError(
      `models: the ${part} of layer ${layer} must be kept to be compared, got recomputed layers.`,
      {
        hint: "Set training.recompute: false, or compare hidden states.",
      },
    );
  }
  const split = part === "queries" ? queries[layer - 1]! : keyValues[layer - 1]![part];
  const [sequences, heads, tokens, headDim] = split.shape as readonly [Dim, number, Dim, number];
  const joined = g.reshape(g.transpose(split, [0, 2, 1, 3]), [multiplyDims(sequences, tokens), heads * headDim]);
  return g.gather(joined, index);
}
