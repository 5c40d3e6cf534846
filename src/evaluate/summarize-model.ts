/** @file A model's scores on held-out rows as the numbers of a report, with 95 % bootstrap intervals over rows of data. */

import type { TransferDocument } from "../data/transfer-set.js";
import type { BatchScores } from "./score-batches.js";
import {
  type Estimate,
  estimateMean,
  estimatePerplexity,
  estimateRatio,
  median,
  quantile,
  sumByCluster,
} from "./statistics.js";

export interface ModelSummary {
  readonly perplexity: Estimate | null;
  /** Null where the bytes of the text are not known. */
  readonly bitsPerByte: Estimate | null;
  /** Null without a teacher to compare with, like the next. */
  readonly klFromTeacher: { readonly mean: Estimate; readonly median: number; readonly p99: number } | null;
  readonly top1Agreement: Estimate | null;
}

/** Summarizes scores. Whole rows of the data file are resampled, because the tokens of one text resemble each other. */
export function summarizeModel(scores: BatchScores, heldOut: readonly TransferDocument[]): ModelSummary {
  const cluster = clusterOf(heldOut);
  const clusters = Int32Array.from(scores.documents, cluster);
  const nats = scores.targetLogProbs.map((logProb) => -logProb);
  const mean = scores.kl && estimateMean(scores.kl, clusters);
  return {
    perplexity: estimatePerplexity(nats, clusters),
    bitsPerByte: bitsPerByte(nats, clusters, heldOut, cluster),
    klFromTeacher: scores.kl && mean ? { mean, median: median(scores.kl), p99: quantile(scores.kl, 0.99) } : null,
    top1Agreement: scores.agreement ? estimateMean(scores.agreement, clusters) : null,
  };
}

/** What is resampled as a whole, by document: its row of the data file, or itself where all are windows of one row. */
export function clusterOf(heldOut: readonly TransferDocument[]): (document: number) => number {
  const rowCount = new Set(heldOut.map(({ origin }) => origin.row)).size;
  return (document) => (rowCount > 1 ? heldOut[document]!.origin.row : document);
}

function bitsPerByte(
  nats: Float32Array,
  clusters: Int32Array,
  heldOut: readonly TransferDocument[],
  cluster: (document: number) => number,
): Estimate | null {
  if (heldOut.some(({ responseBytes }) => responseBytes === undefined)) return null;
  const documentClusters = Int32Array.from(heldOut, (_, document) => cluster(document));
  const count = documentClusters.reduce((most, each) => Math.max(most, each + 1), 0);
  const bytes = heldOut.map(({ responseBytes }) => responseBytes!);
  return estimateRatio(
    sumByCluster(nats, clusters, count),
    sumByCluster(bytes, documentClusters, count),
    (natsPerByte) => natsPerByte / Math.LN2,
  );
}
