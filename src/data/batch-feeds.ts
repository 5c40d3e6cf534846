/** @file A batch as the tensors that graphs are fed: token rectangles, and response rows in whole chunks. */

import type { Feeds } from "../runtime/executor.js";
import { float32Tensor, type HostTensor, int32Tensor } from "../runtime/tensor.js";
import type { ResponseRows, TokenBatch } from "./batch.js";

/** The `ids`, `positions` and `documents` that a placed model reads. */
export function tokenFeeds({ sequences, tokens, ids, positions, documents }: TokenBatch): Feeds {
  const dims = [sequences, tokens];
  return {
    ids: int32Tensor(dims, ids),
    positions: int32Tensor(dims, positions),
    documents: int32Tensor(dims, documents),
  };
}

/** The leading dimensions of what a graph knows by response row: both follow the batch. */
export const rowDims = ["chunks", "chunkRows"] as const;

/** Rows of a chunk are a multiple of it, so that the engine meets few sizes; or the most that a chunk may hold. */
const rowMultiple = 32;

/** Response rows in chunks of `chunkRows`; the last chunk is filled up with copies of the first row at weight 0. */
export interface ChunkedRows {
  readonly chunks: number;
  readonly chunkRows: number;
  readonly feeds: Feeds;
}

/**
 * `rowIndex` (into the student's positions), `targetIds`, `rowWeights` and `targetWeights`, each `[chunks, chunkRows]`: as few
 * chunks as hold the rows, all of one size that leaves little to fill up.
 *
 * @param most - rows of a chunk.
 * @param targetScale - multiplies `targetWeights`.
 */
export function chunkRows(rows: ResponseRows, most: number, targetScale = 1): ChunkedRows {
  const chunks = Math.max(1, Math.ceil(rows.count / most));
  const chunkSize = Math.min(most, rowMultiple * Math.max(1, Math.ceil(rows.count / chunks / rowMultiple)));
  const dims = [chunks, chunkSize] as const;
  const paddedWeights = (values: Float32Array): HostTensor => {
    const data = new Float32Array(chunks * chunkSize);
    data.set(values);
    return float32Tensor(dims, data);
  };
  return {
    chunks,
    chunkRows: chunkSize,
    feeds: {
      rowIndex: chunkIds(rows.studentIndex, dims),
      targetIds: chunkIds(rows.targetIds, dims),
      rowWeights: paddedWeights(rows.weights),
      targetWeights: paddedWeights(scale(rows.targetWeights ?? rows.weights, targetScale)),
    },
  };
}

/** One integer per row in whole chunks, the last one filled up with 0. */
export function chunkIds(values: Int32Array, dims: readonly [chunks: number, chunkRows: number]): HostTensor {
  const data = new Int32Array(dims[0] * dims[1]);
  data.set(values);
  return int32Tensor(dims, data);
}

function scale(values: Float32Array, factor: number): Float32Array {
  return factor === 1 ? values : values.map((value) => value * factor);
}
