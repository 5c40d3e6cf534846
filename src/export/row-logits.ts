/** @file The logits of single positions of a document, from a model of our own or from an exported file. */

import { Graph } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { placeModel } from "../models/model-graph.js";
import { compile } from "../runtime/executor.js";
import { float32Tensor, int32Tensor } from "../runtime/tensor.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { openExportedModel } from "./exported-model.js";

/** Dispose it. */
export interface RowLogits {
  readonly headWidth: number;
  /**
   * Logits after some positions, one by one, `[headWidth]` each; each array is good until the next.
   *
   * @param ids - a document as the model reads it, virtual tokens of a soft prompt included.
   * @param positions - ascending.
   */
  read(ids: Int32Array, positions: Int32Array): AsyncGenerator<Float32Array, void>;
  dispose(): Promise<void>;
}

/** Logits held at a time, 64 MB. */
const mostLogits = 2 ** 24;
/** Exported files are read in pieces, so that their keys and values take part: the layout returns logits of every token. */
const pieceTokens = 96;

export interface RowLogitsOptions {
  readonly threads: number;
  /** Longest document. */
  readonly positionCount: number;
}

/** By our own engine in float32: a document in one pass, the head for the rows that are asked for. */
export async function openOwnLogits(model: ModelWithWeights, options: RowLogitsOptions): Promise<RowLogits> {
  const { threads, positionCount } = options;
  const { headWidth, hiddenSize } = model.shape;
  const weights = Object.fromEntries(model.weights);
  const body = new Graph();
  const placed = placeModel(body, model, { positionCount });
  const hidden = g.gather(placed.hidden, body.input("rows", "int32", ["rows"]));
  // Fed, and not kept: keeping would copy all weights.
  const bodyProgram = await compile(body, { hidden }, { threads });
  const head = new Graph();
  const headWeight = head.parameter(placed.headWeight.name, [headWidth, hiddenSize]);
  const logits = g.matMul(head.input("hidden", "float32", ["rows", hiddenSize]), headWeight, { transposeB: true });
  const headProgram = await compile(head, { logits }, { threads });
  return {
    headWidth,
    async *read(ids, positions) {
      const feed = (values: Int32Array) => int32Tensor([1, ids.length], values);
      const outputs = await bodyProgram.run({
        ...weights,
        ids: feed(ids),
        positions: feed(Int32Array.from(ids, (_, i) => i)),
        documents: feed(new Int32Array(ids.length)),
        rows: int32Tensor([positions.length], positions),
      });
      const rows = outputs.hidden.data as Float32Array;
      const chunk = Math.max(1, Math.floor(mostLogits / headWidth));
      for (let start = 0; start < positions.length; start += chunk) {
        const count = Math.min(chunk, positions.length - start);
        const part = rows.subarray(start * hiddenSize, (start + count) * hiddenSize);
        const feeds = {
          hidden: float32Tensor([count, hiddenSize], part),
          [headWeight.name]: weights[headWeight.name]!,
        };
        const { data } = (await headProgram.run(feeds)).logits;
        for (let row = 0; row < count; row++) {
          yield (data as Float32Array).subarray(row * headWidth, (row + 1) * headWidth);
        }
      }
    },
    async dispose() {
      await bodyProgram.dispose();
      await headProgram.dispose();
    },
  };
}

/** From an ONNX file in a session of its own. The ids of a soft prompt, which is in the file, are passed over. */
export async function openExportedLogits(path: string, { threads }: { readonly threads: number }): Promise<RowLogits> {
  const model = await openExportedModel(path, { threads });
  const { headWidth } = model;
  return {
    headWidth,
    async *read(ids, positions) {
      model.start();
      let next = 0;
      const textStart = ids.findIndex((id) => id < headWidth);
      for (let start = textStart; start < ids.length && next < positions.length; start += pieceTokens) {
        const piece = ids.subarray(start, start + pieceTokens);
        const logits = await model.read(piece);
        for (; next < positions.length && positions[next]! < start + piece.length; next++) {
          const row = positions[next]! - start;
          yield logits.subarray(row * headWidth, (row + 1) * headWidth);
        }
      }
    },
    dispose: () => model.dispose(),
  };
}
