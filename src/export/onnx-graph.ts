/**
 * @file A model as an ONNX graph in the layout of Optimum and transformers.js: some new tokens and the keys and values of those
 * before them in, logits and all keys and values out.
 *
 *     input_ids, position_ids           [batch_size, sequence_length]           int64
 *     attention_mask                    [batch_size, total_sequence_length]     int64, 1 where a token is real
 *     past_key_values.N.key and .value  [batch_size, kv_heads, past_sequence_length, head_dim]
 *     logits                            [batch_size, sequence_length, vocabulary]
 *     present.N.key and .value          [batch_size, kv_heads, total_sequence_length, head_dim]
 *
 * A soft prompt is in the graph, and takes no part in any of these sizes: see baked-prompt.ts.
 */

import { Graph, toOnnx, type Value } from "../graph/index.js";
import type { ModelProto } from "../graph/onnx/generated/onnx_pb.js";
import * as g from "../graph/ops/index.js";
import type { KeyValues, Past, TokenInputs } from "../models/index.js";
import { cacheShapeOf } from "../models/model-graph.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { type BakedPrompt, placePrompt, withoutPrompt } from "./baked-prompt.js";

/** Rotary tables are stored for so many positions, however many more the model was made for. */
const mostPositions = 32_768;

/** The longest sequence that an exported model reads, a soft prompt included. */
export function exportedPositions({ shape }: Pick<ModelWithWeights, "shape">): number {
  return Math.min(shape.maxPositions, mostPositions);
}

/**
 * The graph with its weights in float32; all ops are standard ones.
 *
 * @param prompt - of a model with a soft prompt, from {@link bakePrompt}.
 * @throws UnsupportedError where the architecture has no key-value cache.
 */
export function makeOnnxGraph(prompted: ModelWithWeights, prompt?: BakedPrompt): ModelProto {
  const model = prompt ? withoutPrompt(prompted) : prompted;
  const { architecture, shape } = model;
  const graph = new Graph();
  const tokens = ["batch_size", "sequence_length"] as const;
  const ids = graph.input("input_ids", "int64", tokens);
  const mask = graph.input("attention_mask", "int64", ["batch_size", "total_sequence_length"]);
  const positions = graph.input("position_ids", "int64", tokens);
  const memories = pastInputs(graph, model);
  const virtualTokens = prompt?.virtualTokens ?? 0;
  const places = graph.within("places", () => placesOf(mask));
  const behindPrompt = (where: Value) => (virtualTokens === 0 ? where : g.add(where, virtualTokens));
  const inputs: TokenInputs = {
    ids: g.cast(ids, "int32"),
    positions: behindPrompt(g.cast(positions, "int32")),
    ...places.tokens,
  };
  const text: Past = { ...places.past, positions: behindPrompt(places.past.positions), layers: memories };
  const past = prompt ? [placePrompt(graph, model, prompt), text] : [text];
  const parameters = new Map(
    architecture.parameters(shape).map((spec) => [spec.name, graph.parameter(spec.name, spec.shape)] as const),
  );
  const weights = (name: string): Value => parameters.get(name)!;
  const {
    hidden,
    headWeight,
    keyValues = [],
  } = architecture.build(graph, shape, inputs, weights, { positionCount: exportedPositions(model), past });
  const logits = graph.within("head", () => g.matMul(hidden, headWeight, { transposeB: true }));
  const outputs: Record<string, Value> = { logits: g.reshape(logits, [...tokens, shape.headWidth]) };
  for (const [layer, own] of keyValues.entries()) {
    for (const [name, kind] of kinds) {
      const whole = [memories[layer]![kind], own[kind]];
      outputs[`present.${layer}.${name}`] = g.concat(whole, 2, { size: "total_sequence_length" });
    }
  }
  const data = Object.fromEntries([...model.weights].map(([name, tensor]) => [name, tensor.data]));
  const { model: proto, outputNames } = toOnnx(graph, Object.values(outputs), { target: "standard", weights: data });
  renameOutputs(proto, outputNames, Object.keys(outputs));
  return proto;
}

const kinds = [
  ["key", "keys"],
  ["value", "values"],
] as const;

function pastInputs(graph: Graph, model: ModelWithWeights): readonly KeyValues[] {
  const { layers, keyValueHeads, headDim } = cacheShapeOf(model);
  const memory = (layer: number, name: string) =>
    graph.input(`past_key_values.${layer}.${name}`, "float32", [
      "batch_size",
      keyValueHeads,
      "past_sequence_length",
      headDim,
    ]);
  return Array.from({ length: layers }, (_, layer) => ({ keys: memory(layer, "key"), values: memory(layer, "value") }));
}

/**
 * Where the cached and the new tokens stand, by the mask: a token's position is the number of real ones before it. Real tokens
 * are document 0; those that fill a sequence up are document −1, which real ones do not see.
 */
function placesOf(mask: Value): {
  readonly past: Omit<Past, "layers">;
  readonly tokens: Pick<TokenInputs, "documents">;
} {
  const sizes = ["past_sequence_length", "sequence_length"];
  const isReal = g.cast(mask, "int32");
  const [pastPositions] = g.split(g.sub(g.cumSum(isReal, 1), 1), 1, sizes);
  const [pastDocuments, documents] = g.split(g.sub(isReal, 1), 1, sizes);
  return { past: { positions: pastPositions!, documents: pastDocuments! }, tokens: { documents: documents! } };
}

/** Gives the model's outputs other names, wherever they are used. */
function renameOutputs(model: ModelProto, from: readonly string[], to: readonly string[]): void {
  const names = new Map(from.map((name, i) => [name, to[i]!]));
  const rename = (name: string) => names.get(name) ?? name;
  for (const node of model.graph!.node) {
    node.input = node.input.map(rename);
    node.output = node.output.map(rename);
  }
  for (const output of model.graph!.output) output.name = rename(output.name);
}
