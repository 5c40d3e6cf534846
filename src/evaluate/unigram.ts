/** @file The least that a language model can know: how often every token occurs in the training text. */

import type { TransferDocument } from "../data/transfer-set.js";

/** Natural log-prob of a token, the same at every place. */
export type Unigram = (id: number) => number;

/**
 * Counts the learned tokens of training documents, and keeps something for those that never came (Witten & Bell's method C).
 *
 * With c(v) the count of token v, N of all and T of different ones, and V the width of the head:
 *
 *     p(v) = (c(v) + T / V) / (N + T)
 *
 * The share T / (N + T) of what came for the first time is what is expected of new tokens; it is spread evenly. Without any
 * text all tokens are equally likely.
 *
 * @param documents - of which the student's learned tokens count.
 * @param headWidth - V.
 * @see Witten & Bell 1991, "The zero-frequency problem", IEEE Transactions on Information Theory 37(4), method C.
 */
export function trainUnigram(documents: readonly TransferDocument[], headWidth: number): Unigram {
  const counts = new Float64Array(headWidth);
  let tokens = 0;
  let types = 0;
  for (const { student } of documents) {
    for (const [i, id] of student.ids.entries()) {
      if (student.responseMask[i] !== 1) continue;
      if (counts[id] === 0) types++;
      counts[id]!++;
      tokens++;
    }
  }
  if (tokens === 0) return () => -Math.log(headWidth);
  return (id) => Math.log((counts[id]! + types / headWidth) / (tokens + types));
}
