/** @file Whether a model's confidence can be believed: of what it holds likely to 70 %, do 70 % come true? */

import { ShapeError } from "../errors.js";

/** Predictions of about equal confidence. */
export interface ReliabilityBin {
  /** Confidences in (low, high]. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean probability of the likeliest token, and how often it was the token; 0 where the bin is empty. */
  readonly confidence: number;
  readonly accuracy: number;
}

/** How confidence and accuracy of the likeliest next token agree. All are shares between 0 and 1. */
export interface Calibration {
  /** The mean distance of accuracy from confidence over all predictions, bin by bin. */
  readonly expectedError: number;
  readonly confidence: number;
  readonly accuracy: number;
  readonly bins: readonly ReliabilityBin[];
}

/** As in the paper. */
const binCount = 15;

/**
 * The expected calibration error of top-1 predictions, over 15 bins of equal width. With B_m the n_m predictions whose confidence
 * is in ((m − 1) / 15, m / 15]:
 *
 *     ECE = Σ_m (n_m / n) · |accuracy(B_m) − confidence(B_m)|
 *
 * @param confidences - `[rows]`, the probability of the likeliest token.
 * @param hits - `[rows]`, 1 where that token is the text's.
 * @returns null of no rows.
 * @throws ShapeError where the two differ in length.
 * @see Guo et al. 2017, "On Calibration of Modern Neural Networks", §2, equations 2 to 5 (arXiv:1706.04599).
 */
export function measureCalibration(confidences: ArrayLike<number>, hits: ArrayLike<number>): Calibration | null {
  if (hits.length !== confidences.length) {
    throw new ShapeError(`measureCalibration: hits must have ${confidences.length} entries, got ${hits.length}.`);
  }
  const rows = confidences.length;
  if (rows === 0) return null;
  const sums = Array.from({ length: binCount }, () => ({ count: 0, confidence: 0, accuracy: 0 }));
  for (let row = 0; row < rows; row++) {
    // A float32 softmax may end a little above 1.
    const sum = sums[Math.min(binCount, Math.max(1, Math.ceil(confidences[row]! * binCount))) - 1]!;
    sum.count++;
    sum.confidence += confidences[row]!;
    sum.accuracy += hits[row]!;
  }
  const bins = sums.map(({ count, confidence, accuracy }, bin): ReliabilityBin => {
    const range = { low: bin / binCount, high: (bin + 1) / binCount };
    return { ...range, count, confidence: count && confidence / count, accuracy: count && accuracy / count };
  });
  const total = (of: (bin: ReliabilityBin) => number) =>
    bins.reduce((sum, bin) => sum + (bin.count / rows) * of(bin), 0);
  return {
    expectedError: total(({ accuracy, confidence }) => Math.abs(accuracy - confidence)),
    confidence: total(({ confidence }) => confidence),
    accuracy: total(({ accuracy }) => accuracy),
    bins,
  };
}
