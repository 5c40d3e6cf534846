/** @file A model placed in a graph: token inputs, parameters by name, and its outputs. */

import type { FloatDType } from "../graph/dtype.js";
import type { Graph, Input, Value } from "../graph/graph.js";
import type { Architecture, ModelOutputs, ModelShape, TokenInputs } from "./architecture.js";

export interface ModelDefinition {
  readonly architecture: Architecture;
  readonly shape: ModelShape;
}

export interface PlacedModel extends ModelOutputs {
  readonly tokens: TokenInputs;
  /** Graph parameters by weight name. */
  readonly parameters: ReadonlyMap<string, Input>;
}

export interface PlaceOptions {
  readonly positionCount: number;
  readonly dtype?: FloatDType;
}

/** Inputs `ids`, `positions` and `documents`, each `[sequences, tokens]` int32. */
export function tokenInputs(graph: Graph): TokenInputs {
  const input = (name: string) => graph.input(name, "int32", ["sequences", "tokens"]);
  return { ids: input("ids"), positions: input("positions"), documents: input("documents") };
}

/** Adds a model's inputs, parameters and body to a graph. */
export function placeModel(graph: Graph, { architecture, shape }: ModelDefinition, options: PlaceOptions): PlacedModel {
  const tokens = tokenInputs(graph);
  const parameters = new Map<string, Input>(
    architecture
      .parameters(shape)
      .map((spec) => [spec.name, graph.parameter(spec.name, spec.shape, options.dtype ?? "float32")]),
  );
  const weights = (name: string): Value => parameters.get(name)!;
  const outputs = architecture.build(graph, shape, tokens, weights, options.positionCount);
  return { ...outputs, tokens, parameters };
}
