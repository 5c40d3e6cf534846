/**
 * @file A soft prompt in an exported graph: what attention remembers of it, computed once and stored as constants.
 *
 * Whoever runs the graph gives text alone, at positions from 0, and gets the keys and values of text alone: no tokenizer, template
 * or cache has to know of the prompt. Attention sees it as a block of the past before the text.
 */

import { Graph } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { architectureOf, type Past, virtualIds } from "../models/index.js";
import { cacheShapeOf, placeModel } from "../models/model-graph.js";
import { promptName } from "../models/soft-prompt.js";
import { compile } from "../runtime/executor.js";
import { int32Tensor } from "../runtime/tensor.js";
import type { ModelWithWeights } from "../weights/load-model.js";

/** What attention remembers of a soft prompt, each array `[1, keyValueHeads, virtual, headDim]`. */
export interface BakedPrompt {
  readonly virtualTokens: number;
  /** Per layer. */
  readonly layers: readonly { readonly keys: Float32Array; readonly values: Float32Array }[];
}

/** Reads a model's soft prompt; undefined where it has none. */
export async function bakePrompt(model: ModelWithWeights): Promise<BakedPrompt | undefined> {
  const ids = virtualIds(model.shape);
  if (ids.length === 0) return undefined;
  const graph = new Graph();
  const { keyValues = [] } = placeModel(graph, model, { positionCount: ids.length });
  const outputs = keyValues.flatMap(({ keys, values }, i) => [
    [`keys.${i}`, keys] as const,
    [`values.${i}`, values] as const,
  ]);
  const program = await compile(graph, Object.fromEntries(outputs));
  try {
    const feed = (values: Int32Array) => int32Tensor([1, ids.length], values);
    const results = await program.run({
      ...Object.fromEntries(model.weights),
      ids: feed(ids),
      positions: feed(ids.map((_, i) => i)),
      documents: feed(new Int32Array(ids.length)),
    });
    const read = (name: string) => results[name]!.data as Float32Array;
    const layers = keyValues.map((_, i) => ({ keys: read(`keys.${i}`), values: read(`values.${i}`) }));
    return { virtualTokens: ids.length, layers };
  } finally {
    await program.dispose();
  }
}

/** The prompt as the past of every sequence of a batch, at positions from 0 and in document 0. */
export function placePrompt(graph: Graph, model: ModelWithWeights, { virtualTokens, layers }: BakedPrompt): Past {
  const { keyValueHeads, headDim } = cacheShapeOf(model);
  const forAll = (values: Int32Array) => {
    const row = graph.constant("int32", [1, virtualTokens], values, "prompt");
    return g.expand(row, ["batch_size", virtualTokens]);
  };
  const memory = (values: Float32Array) => {
    const one = graph.constant("float32", [1, keyValueHeads, virtualTokens, headDim], values, "prompt");
    return g.expand(one, ["batch_size", keyValueHeads, virtualTokens, headDim]);
  };
  return graph.within("prompt", () => ({
    positions: forAll(Int32Array.from({ length: virtualTokens }, (_, i) => i)),
    documents: forAll(new Int32Array(virtualTokens)),
    layers: layers.map(({ keys, values }) => ({ keys: memory(keys), values: memory(values) })),
  }));
}

/** The model without its soft prompt. */
export function withoutPrompt(model: ModelWithWeights): ModelWithWeights {
  const architecture = architectureOf(model.config);
  const weights = new Map([...model.weights].filter(([name]) => name !== promptName));
  return { ...model, architecture, shape: architecture.parse(model.config), weights };
}
