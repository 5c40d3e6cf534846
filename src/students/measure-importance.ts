/**
 * @file How much the layers, heads and feed-forward neurons of a model do on calibration text, read off its graph in one forward
 * pass.
 */

import type { TokenBatch } from "../data/batch.js";
import { tokenFeeds } from "../data/batch-feeds.js";
import { InterruptedError, UnsupportedError } from "../errors.js";
import { Graph, type Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { type PlacedModel, placeModel } from "../models/model-graph.js";
import { type CompileOptions, compile } from "../runtime/executor.js";
import type { HostTensor } from "../runtime/tensor.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { llamaShapeOf } from "./slice-model.js";

/** Importance of one layer and of its parts. Only the order within a list means something. */
export interface LayerImportance {
  /** 1 − the mean cosine similarity of what goes into the layer and what comes out of it. */
  readonly influence: number;
  /** `[feedForwardSize]`: mean absolute activation that the down projection reads. */
  readonly neurons: readonly number[];
  /** `[keyValueHeads]`: mean L2 norm of a group's query heads' outputs side by side, which the output projection reads. */
  readonly keyValueHeads: readonly number[];
}

/**
 * Measures every layer; padding does not count.
 *
 * @param batches - tokens of calibration text.
 * @param options.positionCount - longest sequence among them.
 * @throws InterruptedError when `options.signal` is aborted, UnsupportedError for an architecture outside the Llama family.
 * @see Men et al. 2024, "ShortGPT", §2.2, block influence (arXiv:2403.03853); Muralidharan et al. 2024, "Compact Language Models
 *   via Pruning and Knowledge Distillation" (Minitron), §2.2, activation-based importance of neurons and heads (arXiv:2407.14679).
 */
export async function measureImportance(
  model: ModelWithWeights,
  batches: readonly TokenBatch[],
  options: CompileOptions & { readonly positionCount: number; readonly signal?: AbortSignal | undefined },
): Promise<readonly LayerImportance[]> {
  const { layers, keyValueHeads } = llamaShapeOf(model);
  const graph = new Graph();
  const placed = placeModel(graph, model, { positionCount: options.positionCount });
  const isToken = g.cast(g.less(-1, g.reshape(placed.tokens.documents, ["sequences*tokens", 1])), "float32");
  const outputs: Record<string, Value> = {};
  for (let layer = 0; layer < layers; layer++) {
    const before = readBy(placed, `model.layers.${layer}.input_layernorm.weight`);
    const next = layer + 1 === layers ? "model.norm.weight" : `model.layers.${layer + 1}.input_layernorm.weight`;
    const neurons = readBy(placed, `model.layers.${layer}.mlp.down_proj.weight`);
    const heads = readBy(placed, `model.layers.${layer}.self_attn.o_proj.weight`);
    const overTokens = (values: Value) => g.reduceSum(g.mul(values, isToken), { axes: [0] });
    outputs[`similarity.${layer}`] = overTokens(cosine(before, readBy(placed, next)));
    outputs[`neurons.${layer}`] = overTokens(g.abs(neurons));
    outputs[`heads.${layer}`] = overTokens(normsOfParts(heads, keyValueHeads));
  }
  const program = await compile(graph, outputs, options);
  try {
    const sums = new Map<string, Float64Array>();
    let tokens = 0;
    for (const batch of batches) {
      if (options.signal?.aborted) throw new InterruptedError("student: stopped while measuring the teacher's parts.");
      const results: Record<string, HostTensor> = await program.run({
        ...Object.fromEntries(model.weights),
        ...tokenFeeds(batch),
      });
      for (const [name, { data }] of Object.entries(results)) {
        const sum = sums.get(name) ?? new Float64Array(data.length);
        sums.set(
          name,
          sum.map((each, i) => each + Number(data[i])),
        );
      }
      tokens += batch.documents.reduce((count, document) => count + (document < 0 ? 0 : 1), 0);
    }
    const means = (name: string) => Array.from(sums.get(name) ?? [], (sum) => sum / tokens);
    return Array.from({ length: layers }, (_, layer) => ({
      influence: 1 - means(`similarity.${layer}`)[0]!,
      neurons: means(`neurons.${layer}`),
      keyValueHeads: means(`heads.${layer}`),
    }));
  } finally {
    await program.dispose();
  }
}

/** What a weight is applied to: the first operand of the node that reads it. */
function readBy({ parameters, hidden }: PlacedModel, name: string): Value {
  const weight = parameters.get(name);
  const reader = hidden.graph.nodes.find(({ inputs }) => weight !== undefined && inputs.includes(weight));
  if (reader) return reader.inputs[0]!;
  throw new UnsupportedError(
    `student: importance is read at weight "${name}", which this model's graph does not have.`,
  );
}

/** Cosine similarity of two values' rows, `[rows, 1]`. */
function cosine(left: Value, right: Value): Value {
  const dot = (a: Value, b: Value) => g.reduceSum(g.mul(a, b), { axes: [1], keepDims: true });
  return g.div(dot(left, right), g.sqrt(g.mul(dot(left, left), dot(right, right))));
}

/** L2 norms of equal parts of every row: `[rows, parts * width]` to `[rows, parts]`. */
function normsOfParts(rows: Value, parts: number): Value {
  const [count, width] = rows.shape as [string, number];
  const split = g.reshape(g.mul(rows, rows), [count, parts, width / parts]);
  return g.sqrt(g.reduceSum(split, { axes: [2] }));
}
