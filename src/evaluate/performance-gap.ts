/** @file Performance gap recovered: how far a student that learned from a weak teacher came towards its own ceiling. */

import { type Estimate, estimateMean, percentileInterval, resampleSums, sumByCluster } from "./statistics.js";

/** The three models' performance on the same rows, higher is better: log-probs of the true outcome, or 1 where it was found. */
export interface RowPerformances {
  readonly weak: ArrayLike<number>;
  readonly student: ArrayLike<number>;
  readonly ceiling: ArrayLike<number>;
  /** For each row the index of the row of data that it belongs to; these are resampled. */
  readonly clusters: ArrayLike<number>;
}

export interface PerformanceGap {
  /** Mean of ceiling − weak per row. */
  readonly gap: Estimate;
  /**
   * Null where the ceiling is no better than the weak teacher: there is no gap to recover. Without an interval where more than
   * one in forty resamples has no gap either.
   */
  readonly recovered: Estimate | null;
}

/** Share of resamples without a gap from which on the recovered share has no interval. */
const mostWithoutGap = 0.025;

/**
 * With P the mean performance on the held-out rows:
 *
 *     PGR = max(0, (P_student − P_weak) / (P_ceiling − P_weak))
 *
 * 0 is as good as the weak teacher, 1 as good as the same student on ground truth. Intervals are percentiles over resampled rows
 * of data, the three models on the same ones.
 *
 * @see Xiao & Zhu 2025, "Foundations of Large Language Models", ch. 4 (arXiv:2501.09223); Burns et al. 2023 (arXiv:2312.09390),
 *   §3, who do not cut at 0.
 * @returns null where there is no row.
 */
export function performanceGap({ weak, student, ceiling, clusters }: RowPerformances): PerformanceGap | null {
  const count = Array.from(clusters).reduce((most, cluster) => Math.max(most, cluster + 1), 0);
  const above = (model: ArrayLike<number>) => Array.from(model, (value, row) => value - weak[row]!);
  const gap = estimateMean(above(ceiling), clusters);
  if (!gap) return null;
  if (!(gap.value > 0)) return { gap, recovered: null };
  const gains = sumByCluster(above(student), clusters, count);
  const gaps = sumByCluster(above(ceiling), clusters, count);
  const share = (gain: number, whole: number) => Math.max(0, gain / whole);
  const value = share(sum(gains), sum(gaps));
  if (gap.low === null) return { gap, recovered: { value, low: null, high: null } };
  const present = sumByCluster(
    Array.from(clusters, () => 1),
    clusters,
    count,
  );
  const kept = (sums: Float64Array) => sums.filter((_, cluster) => present[cluster]! > 0);
  const [gainSums, gapSums] = resampleSums([kept(gains), kept(gaps)]) as [Float64Array, Float64Array];
  const shares = gainSums.map((gain, i) => share(gain, gapSums[i]!)).filter((_, i) => gapSums[i]! > 0);
  const isSure = shares.length >= (1 - mostWithoutGap) * gainSums.length;
  return { gap, recovered: { value, ...(isSure ? percentileInterval(shares) : { low: null, high: null }) } };
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
