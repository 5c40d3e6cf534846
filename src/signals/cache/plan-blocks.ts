/** @file Which documents a teacher reads together when it is captured: a function of the documents alone, so that a block is always the same batch. */

import type { DistillationBatch } from "../../data/batch.js";
import { makeBatch } from "../../data/make-batch.js";
import { planEpoch } from "../../data/plan.js";
import type { TransferDocument } from "../../data/transfer-set.js";
import { documentKey } from "./document-key.js";

/** Positions of a block, unless one sequence has more. */
const blockTokens = 2048;
const sequenceLength = 512;

/** Fixed teacher batches. */
export interface BlockPlan {
  readonly blocks: number;
  /** Positions that a sequence has. */
  readonly positionCount: number;
  /** A block's batch; both of its sides are the teacher's view. */
  batch(block: number): DistillationBatch;
}

/** Documents without those that the teacher sees a second time. */
export function distinctDocuments(documents: readonly TransferDocument[]): readonly TransferDocument[] {
  return [...new Map(documents.map((document) => [documentKey(document), document])).values()];
}

export function planBlocks(documents: readonly TransferDocument[]): BlockPlan {
  const views = documents.map((document) => ({ ...document, student: document.teacher }));
  const plan = planEpoch(views, { sequenceLength, packing: true, shuffle: false, seed: 0, epoch: 0 });
  const size = Math.max(1, Math.floor(blockTokens / plan.sequenceLength));
  return {
    blocks: Math.ceil(plan.sequences.length / size),
    positionCount: plan.sequenceLength,
    batch: (block) => makeBatch(views, plan.sequences.slice(block * size, (block + 1) * size), plan),
  };
}
