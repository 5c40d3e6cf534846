/** @file What an architecture provides: reading config.json, naming its weights, and building its graph. */

import type { Graph, Value } from "../graph/graph.js";

/** How the optimizer and a fresh start treat a weight. */
export type ParameterRole = "embedding" | "head" | "matrix" | "residual-matrix" | "norm" | "bias";

/** One weight: its name in Hugging Face files, its shape there and its role. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
}

/** What every architecture's shape tells the rest of limbeck. */
export interface ModelShape {
  readonly modelType: string;
  readonly layers: number;
  readonly hiddenSize: number;
  /** Width of the output head: at least the tokenizer's size, often padded. */
  readonly headWidth: number;
  /** True where the output head is the embedding table. */
  readonly tiedHead: boolean;
  /** Longest sequence that the model was made for. */
  readonly maxPositions: number;
}

/** One side's tokens in a graph, each `[sequences, tokens]`, int32. See data/batch.ts. */
export interface TokenInputs {
  readonly ids: Value;
  readonly positions: Value;
  readonly documents: Value;
}

export interface ModelOutputs {
  /** After the final norm, `[sequences * tokens, hiddenSize]`. */
  readonly hidden: Value;
  /** `[headWidth, hiddenSize]`; the embedding table where tied. */
  readonly headWeight: Value;
}

export interface Architecture<Shape extends ModelShape = ModelShape> {
  /** The `model_type`s of config.json that this architecture reads. */
  readonly modelTypes: readonly string[];
  /** Reads config.json; throws ModelError where a key is missing or not supported. */
  parse(config: Readonly<Record<string, unknown>>): Shape;
  /** Every weight in the order of the model. */
  parameters(shape: Shape): readonly ParameterSpec[];
  /**
   * Builds the body of the model.
   *
   * @param weights - the value of each weight, by its name in {@link parameters}.
   * @param positionCount - positions run from 0 to positionCount − 1.
   */
  build(
    graph: Graph,
    shape: Shape,
    tokens: TokenInputs,
    weights: (name: string) => Value,
    positionCount: number,
  ): ModelOutputs;
}

/** The number of weights of a model. */
export function countParameters(parameters: readonly ParameterSpec[]): number {
  return parameters.reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0);
}
