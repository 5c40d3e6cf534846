/** @file The program that generates: some new tokens per sequence in, the logits after each sequence's last one out. */

import { Graph } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { linear } from "../models/layers/linear.js";
import { cacheShapeOf, placeDecoder } from "../models/model-graph.js";
import { virtualIds } from "../models/soft-prompt.js";
import { type CompileOptions, compile } from "../runtime/executor.js";
import { int32Tensor } from "../runtime/tensor.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { KeyValueCache } from "./key-value-cache.js";

/** Rotary tables are made for so many positions, however many more the model was made for. */
const mostPositions = 32_768;

/** What the model says after the last of one sequence's new tokens. */
export interface NextToken {
  /** `[headWidth]`. */
  readonly logits: Float32Array;
  /** log Σ exp of the logits: a token's log-prob is its logit less this. */
  readonly logNormalizer: number;
}

/** A model compiled for generating, with its weights. Dispose it. */
export interface Decoder {
  readonly headWidth: number;
  /** Longest sequence, prompt and generated tokens together, without a soft prompt's vectors. */
  readonly maxTokens: number;
  /** A memory that holds no token; a soft prompt's keys and values, computed once, are in it. */
  makeCache(sequences: number): KeyValueCache;
  /**
   * Reads new tokens, each sequence's own, after what its cache holds, and puts them into the cache.
   *
   * A cache that holds something already is gone on with, whether this decoder's generation or a shared beginning put it there.
   *
   * @param tokens - per sequence of the cache; some may have none.
   * @returns per sequence; what stands for a sequence without new tokens means nothing.
   */
  read(cache: KeyValueCache, tokens: readonly ArrayLike<number>[]): Promise<readonly NextToken[]>;
  dispose(): Promise<void>;
}

/** Compiles a model for generating. The program keeps a copy of the weights. */
export async function makeDecoder(model: ModelWithWeights, options: CompileOptions = {}): Promise<Decoder> {
  const { headWidth, maxPositions } = model.shape;
  const shape = cacheShapeOf(model);
  const prompt = virtualIds(model.shape);
  const positionCount = Math.min(maxPositions, mostPositions);
  const graph = new Graph();
  const placed = placeDecoder(graph, model, { positionCount });
  const last = g.gather(placed.hidden, graph.input("last", "int32", ["sequences"]));
  const logits = graph.within("head", () => linear(last, placed.headWeight));
  const logNormalizers = g.reduceLogSumExp(logits, { axes: [-1] });
  // One output for all layers: each output costs some microseconds.
  const memories = placed.keyValues.flatMap(({ keys, values }) => [keys, values]);
  const keyValues = g.concat(
    memories.map((memory) => g.reshape(memory, [1, ...memory.shape])),
    0,
  ); // [2 * layers, sequences, keyValueHeads, tokens, headDim]
  const program = await compile(
    graph,
    { logits, logNormalizers, keyValues },
    { ...options, weights: Object.fromEntries(model.weights) },
  );
  const read: Decoder["read"] = async (cache, tokens) => {
    const counts = tokens.map(({ length }) => length);
    cache.reserve(counts);
    const outputs = await program.run({ ...tokenFeeds(cache, tokens), ...cache.feeds() });
    cache.append(counts, outputs.keyValues.data as Float32Array);
    const all = outputs.logits.data as Float32Array;
    return tokens.map((_, i) => ({
      logits: all.subarray(i * headWidth, (i + 1) * headWidth),
      logNormalizer: outputs.logNormalizers.data[i] as number,
    }));
  };
  const beginning = new KeyValueCache(shape, 1);
  if (prompt.length > 0) await read(beginning, [prompt]);
  return {
    headWidth,
    maxTokens: positionCount - prompt.length,
    makeCache: (sequences) => beginning.fork(sequences),
    read,
    dispose: () => program.dispose(),
  };
}

/** New tokens side by side, filled up to the longest with places that no token sees. */
function tokenFeeds({ lengths }: KeyValueCache, tokens: readonly ArrayLike<number>[]) {
  const width = tokens.reduce((most, { length }) => Math.max(most, length), 0);
  const size = tokens.length * width;
  const [ids, positions, documents] = [new Int32Array(size), new Int32Array(size), new Int32Array(size).fill(1)];
  const last = new Int32Array(tokens.length);
  for (const [sequence, own] of tokens.entries()) {
    const start = sequence * width;
    for (let i = 0; i < own.length; i++) {
      ids[start + i] = own[i]!;
      positions[start + i] = lengths[sequence]! + i;
      documents[start + i] = 0;
    }
    last[sequence] = start + Math.max(0, own.length - 1);
  }
  const feed = (values: Int32Array) => int32Tensor([tokens.length, width], values);
  return {
    ids: feed(ids),
    positions: feed(positions),
    documents: feed(documents),
    last: int32Tensor([tokens.length], last),
  };
}
