/** @file The plan of an epoch: which documents share a sequence, and in which order the sequences come. */

import { packFirstFit } from "./pack.js";
import { createRandom, shuffle } from "./random.js";
import type { TransferDocument } from "./transfer-set.js";

/** How documents are laid out in sequences. */
export interface Layout {
  /** Tokens per sequence of the student's view when packing. A longer document makes its sequence longer. */
  readonly sequenceLength: number;
  /** Several documents per sequence. Otherwise one, and a batch is as wide as its longest. */
  readonly packing: boolean;
}

/** What one epoch goes through, in order. */
export interface EpochPlan extends Layout {
  /** Per sequence its documents, as indices into the set. */
  readonly sequences: readonly (readonly number[])[];
  /** Share of the positions that hold padding when every sequence is `sequenceLength` long. */
  readonly waste: number;
}

/** What an epoch's order follows from. */
export interface PlanOptions extends Layout {
  readonly shuffle: boolean;
  readonly seed: number;
  /** From 0; every epoch has its own order. */
  readonly epoch: number;
}

/**
 * Plans an epoch: every document exactly once. The same documents and options give the same plan.
 *
 * The plan's `sequenceLength` is that of the options, or the length of the longest document where that is longer; without
 * packing it is the length of the longest document.
 */
export function planEpoch(documents: readonly TransferDocument[], options: PlanOptions): EpochPlan {
  const { packing } = options;
  const order = Uint32Array.from(documents.keys());
  if (options.shuffle) shuffle(order, createRandom(options.seed, options.epoch));
  const lengths = Int32Array.from(order, (index) => documents[index]!.student.ids.length);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const sequenceLength = packing ? Math.max(options.sequenceLength, longest) : longest;
  const sequences = packing
    ? packFirstFit(lengths, sequenceLength).map((items) => items.map((item) => order[item]!))
    : Array.from(order, (index) => [index]);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const positions = sequences.length * sequenceLength;
  return { sequenceLength, packing, sequences, waste: positions === 0 ? 0 : 1 - tokens / positions };
}
