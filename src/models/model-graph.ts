/** @file A model placed in a graph: token inputs, parameters by name, and its outputs. */

import { UnsupportedError } from "../errors.js";
import type { Dim } from "../graph/dims.js";
import type { FloatDType } from "../graph/dtype.js";
import type { Graph, Input, Value } from "../graph/graph.js";
import type {
  Architecture,
  BuildOptions,
  CacheShape,
  KeyValues,
  ModelOutputs,
  ModelShape,
  Past,
  TokenInputs,
} from "./architecture.js";
import { placeQuantized, type WeightFormat } from "./layers/quantized-weight.js";

export interface ModelDefinition {
  readonly architecture: Architecture;
  readonly shape: ModelShape;
  /** How weights are kept that are not kept in floats; such a model does not learn. */
  readonly formats?: ReadonlyMap<string, WeightFormat> | undefined;
}

export interface PlacedModel extends ModelOutputs {
  readonly tokens: TokenInputs;
  /** Graph parameters by weight name, of the weights that are kept in floats. */
  readonly parameters: ReadonlyMap<string, Input>;
}

export interface PlaceOptions extends Omit<BuildOptions, "past"> {
  readonly dtype?: FloatDType;
}

/** Inputs `ids`, `positions` and `documents`, each `[sequences, tokens]` int32. */
export function tokenInputs(graph: Graph): TokenInputs {
  const input = (name: string) => graph.input(name, "int32", ["sequences", "tokens"]);
  return { ids: input("ids"), positions: input("positions"), documents: input("documents") };
}

/** A model that reads on from where it stopped. */
export interface PlacedDecoder extends PlacedModel {
  readonly past: Past;
  readonly keyValues: readonly KeyValues[];
}

/** Adds a model's inputs, parameters and body to a graph. */
export function placeModel(graph: Graph, model: ModelDefinition, options: PlaceOptions): PlacedModel {
  return place(graph, model, options);
}

/**
 * {@link placeModel} with a past: inputs `past.positions` and `past.documents`, `[sequences, past]` int32, and per layer
 * `past.keys.0` and `past.values.0`, `[sequences, keyValueHeads, past, headDim]`.
 */
export function placeDecoder(graph: Graph, model: ModelDefinition, options: PlaceOptions): PlacedDecoder {
  const documents = graph.input("past.documents", "int32", ["sequences", "past"]);
  return placeWithPast(graph, model, options, { sequences: "sequences", documents });
}

/**
 * {@link placeModel} behind a prefix that all documents of all sequences share: the inputs of {@link placeDecoder} with one sequence,
 * and without `past.documents`. Positions of the tokens go on after the prefix.
 */
export function placeAfterPrefix(graph: Graph, model: ModelDefinition, options: PlaceOptions): PlacedDecoder {
  return placeWithPast(graph, model, options, { sequences: 1, documents: undefined });
}

function placeWithPast(
  graph: Graph,
  model: ModelDefinition,
  options: PlaceOptions,
  { sequences, documents }: { readonly sequences: Dim; readonly documents: Value | undefined },
): PlacedDecoder {
  const { layers, keyValueHeads, headDim } = cacheShapeOf(model);
  const memory = (name: string) =>
    graph.input(`past.${name}`, options.dtype ?? "float32", [sequences, keyValueHeads, "past", headDim]);
  const past: Past = {
    positions: graph.input("past.positions", "int32", [sequences, "past"]),
    documents,
    layers: Array.from({ length: layers }, (_, i) => ({ keys: memory(`keys.${i}`), values: memory(`values.${i}`) })),
  };
  const placed = place(graph, model, { ...options, past: [past] });
  return { ...placed, past, keyValues: placed.keyValues! };
}

/**
 * What a model's past must hold.
 *
 * @throws UnsupportedError where the architecture does not remember.
 */
export function cacheShapeOf({ architecture, shape }: ModelDefinition): CacheShape {
  const cacheShape = architecture.cacheShape?.(shape);
  if (cacheShape) return cacheShape;
  throw new UnsupportedError(
    `models: the architecture of "${shape.modelType}" must have a cacheShape to generate text.`,
    {
      hint: "Give the registered architecture a cacheShape, and let its build take a past.",
    },
  );
}

function place(graph: Graph, model: ModelDefinition, options: PlaceOptions & BuildOptions): PlacedModel {
  const { architecture, shape } = model;
  const tokens = tokenInputs(graph);
  const parameters = new Map<string, Input>();
  const quantized = new Map<string, Value>();
  for (const { name, shape } of architecture.parameters(model.shape)) {
    const format = model.formats?.get(name);
    if (format) quantized.set(name, placeQuantized(graph, name, shape as readonly [number, number], format));
    else parameters.set(name, graph.parameter(name, shape, options.dtype ?? "float32"));
  }
  const weights = (name: string): Value => parameters.get(name) ?? quantized.get(name)!;
  const outputs = architecture.build(graph, shape, tokens, weights, options);
  return { ...outputs, tokens, parameters };
}
