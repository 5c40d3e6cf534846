/**
 * @file Batches read behind a prefix that all their documents share: the prefix is read once, and its keys and values stand before
 * every document, as if each had begun with it. Attention is causal, so what they hold does not depend on what follows.
 */

import type { DistillationBatch } from "../data/batch.js";
import { tokenFeeds } from "../data/batch-feeds.js";
import { Graph, type Value } from "../graph/graph.js";
import { gather } from "../graph/ops/index.js";
import { placeAfterPrefix, placeModel } from "../models/model-graph.js";
import { type CompileOptions, compile, type Feeds, type Program } from "../runtime/executor.js";
import { int32Tensor } from "../runtime/tensor.js";
import type { HiddenSignal } from "../signals/teacher-signal.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { cutPrefix } from "./shared-prefix.js";

/** Reads the teacher's side of batches. */
export interface HiddenReader {
  /** Final hidden states of the response rows, `[rows, hiddenSize]`, and what its layers compute where that is asked for. */
  read(batch: DistillationBatch): Promise<Pick<HiddenSignal, "hidden" | "tapped">>;
  /** To be called after the model's weights were changed. */
  weightsChanged(): void;
  dispose(): Promise<void>;
}

/**
 * @param prefix - token ids, at least one; every document of every batch must begin with them, and its response after them.
 * @param options.positionCount - longest document that is read, the prefix included.
 */
export async function makePrefixReader(
  model: ModelWithWeights,
  prefix: Int32Array,
  options: CompileOptions & { readonly positionCount: number },
): Promise<HiddenReader> {
  const { positionCount } = options;
  const weights = Object.fromEntries(model.weights);
  const before = await compilePrefix(model, prefix.length, options);
  const graph = new Graph();
  const placed = placeAfterPrefix(graph, model, { positionCount });
  const rowIndex = graph.input("rowIndex", "int32", ["rows"]);
  const program = await compile(graph, { hidden: gather(placed.hidden, rowIndex) }, options);
  const positions = Int32Array.from(prefix.keys());
  let past: Feeds | undefined;
  return {
    async read(batch) {
      past ??= {
        ...(await readPrefix(before, prefix, positions, weights)),
        "past.positions": int32Tensor([1, prefix.length], positions),
      };
      const { tokens, rowIndex } = cutPrefix(batch, prefix);
      const feeds = { ...tokenFeeds(tokens), rowIndex: int32Tensor([rowIndex.length], rowIndex) };
      const { hidden } = await program.run({ ...weights, ...past, ...feeds });
      return { hidden: hidden.data as Float32Array };
    },
    weightsChanged() {
      past = undefined;
    },
    async dispose() {
      await before.dispose();
      await program.dispose();
    },
  };
}

/** Outputs named as the inputs that they are fed to. */
async function compilePrefix(
  model: ModelWithWeights,
  positionCount: number,
  options: CompileOptions,
): Promise<Program> {
  const graph = new Graph();
  const { keyValues } = placeModel(graph, model, { positionCount });
  const outputs: Record<string, Value> = {};
  for (const [layer, { keys, values }] of keyValues!.entries()) {
    outputs[`past.keys.${layer}`] = keys;
    outputs[`past.values.${layer}`] = values;
  }
  return compile(graph, outputs, options);
}

function readPrefix(program: Program, prefix: Int32Array, positions: Int32Array, weights: Feeds): Promise<Feeds> {
  const dims = [1, prefix.length];
  const feed = (values: Int32Array) => int32Tensor(dims, values);
  const documents = new Int32Array(prefix.length);
  return program.run({ ...weights, ids: feed(prefix), positions: feed(positions), documents: feed(documents) });
}
