/**
 * @file Means, quantiles and bootstrap intervals of what was measured on held-out rows.
 *
 * Tokens of one document resemble each other, so the bootstrap resamples whole documents (clusters), never tokens:
 * resampling tokens would make every interval too narrow.
 *
 * @see Efron & Tibshirani 1993, "An Introduction to the Bootstrap", §13.3 (percentile intervals);
 *   Field & Welsh 2007, "Bootstrapping clustered data", §3.1 (resampling clusters).
 */

import { createRandom } from "../data/random.js";
import { ShapeError } from "../errors.js";

/** A number measured on a sample, with its 95 % interval; `low` and `high` are null where one cluster allows none. */
export interface Estimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

const RESAMPLES = 1000;
const SEED = 0;

/** The arithmetic mean; NaN of nothing. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** The mean of the values that are known, which are those that are not NaN; NaN of none. */
export function meanOfKnown(values: Float32Array): number {
  return mean(values.filter((value) => !Number.isNaN(value)));
}

/** Σ wᵢ·xᵢ / Σ wᵢ; NaN where the weights sum to 0. */
export function weightedMean(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  expectSameLength("weightedMean", "weights", weights, values);
  let sum = 0;
  let weight = 0;
  for (let i = 0; i < values.length; i++) {
    sum += weights[i]! * values[i]!;
    weight += weights[i]!;
  }
  return sum / weight;
}

/**
 * The quantile at `fraction` (0 to 1), interpolated linearly between the two nearest order statistics, which is the default
 * of numpy and of R (type 7). NaN of nothing.
 */
export function quantile(values: ArrayLike<number>, fraction: number): number {
  return sortedQuantile(Float64Array.from(values).sort(), fraction);
}

/** The quantile at one half. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}

/**
 * Sums `values` (times `weights`, where given) by cluster.
 *
 * @param clusters - for each value the index of its cluster, 0 to `count` − 1: a document, or a row of the data file.
 * @returns `[count]`; 0 for a cluster without a value.
 */
export function sumByCluster(
  values: ArrayLike<number>,
  clusters: ArrayLike<number>,
  count: number,
  weights?: ArrayLike<number>,
): Float64Array {
  expectSameLength("sumByCluster", "clusters", clusters, values);
  if (weights) expectSameLength("sumByCluster", "weights", weights, values);
  const sums = new Float64Array(count);
  for (let i = 0; i < values.length; i++) {
    const cluster = clusters[i]!;
    if (!(cluster >= 0 && cluster < count)) {
      throw new ShapeError(`sumByCluster: clusters[${i}] must be between 0 and ${count - 1}, got ${cluster}.`);
    }
    sums[cluster]! += values[i]! * (weights ? weights[i]! : 1);
  }
  return sums;
}

/**
 * The ratio of two totals, Σ numerators / Σ denominators, with its bootstrap interval over clusters.
 *
 * Bits per byte is `estimateRatio(natsByDocument, bytesByDocument, (nats) => nats / Math.LN2)`. The resamples are the same
 * for every call with as many clusters, so two models measured on the same documents see the same resampled documents.
 *
 * @param numerators - `[clusters]`.
 * @param denominators - `[clusters]`, not negative; a cluster with 0 was not measured and takes no part.
 * @param transform - applied to the ratio and to every resampled ratio.
 * @returns null where nothing was measured.
 */
export function estimateRatio(
  numerators: ArrayLike<number>,
  denominators: ArrayLike<number>,
  transform: (ratio: number) => number = (ratio) => ratio,
): Estimate | null {
  expectSameLength("estimateRatio", "denominators", denominators, numerators);
  const measured = Array.from(denominators).flatMap((denominator, cluster) => (denominator > 0 ? [cluster] : []));
  if (measured.length === 0) return null;
  const above = Float64Array.from(measured, (cluster) => numerators[cluster]!);
  const below = Float64Array.from(measured, (cluster) => denominators[cluster]!);
  const value = transform(mean(above) / mean(below));
  if (measured.length === 1) return { value, low: null, high: null };

  const [numeratorSums, denominatorSums] = resampleSums([above, below]) as [Float64Array, Float64Array];
  return { value, ...percentileInterval(numeratorSums.map((sum, i) => transform(sum / denominatorSums[i]!))) };
}

/**
 * The sums of each column over 1,000 resamples of its clusters: the same resamples for all columns, and for every call with as
 * many clusters.
 *
 * @param columns - each `[clusters]`.
 * @returns per column its sum in each resample.
 */
export function resampleSums(columns: readonly ArrayLike<number>[]): readonly Float64Array[] {
  const count = columns[0]?.length ?? 0;
  for (const column of columns) expectSameLength("resampleSums", "every column", column, { length: count });
  const random = createRandom(SEED);
  const sums = columns.map(() => new Float64Array(RESAMPLES));
  const drawn = new Int32Array(count);
  for (let resample = 0; resample < RESAMPLES; resample++) {
    // As good as without bias for fewer clusters than 2³² / 1,000, and twice as fast.
    for (let draw = 0; draw < count; draw++) drawn[draw] = Math.floor((random.nextUint32() / 2 ** 32) * count);
    for (const [i, column] of columns.entries()) {
      let sum = 0;
      for (let draw = 0; draw < count; draw++) sum += column[drawn[draw]!]!;
      sums[i]![resample] = sum;
    }
  }
  return sums;
}

/** The middle 95 % of replicates of a statistic. */
export function percentileInterval(replicates: Float64Array): { readonly low: number; readonly high: number } {
  const sorted = replicates.toSorted();
  return { low: sortedQuantile(sorted, 0.025), high: sortedQuantile(sorted, 0.975) };
}

/**
 * The weighted mean of values with its bootstrap interval over clusters. For a paired comparison of two models, give the
 * differences of their values.
 *
 * @param clusters - for each value the index of its document, from 0.
 * @returns null where the weights sum to 0 or there is no value.
 */
export function estimateMean(
  values: ArrayLike<number>,
  clusters: ArrayLike<number>,
  weights?: ArrayLike<number>,
  transform?: (mean: number) => number,
): Estimate | null {
  let count = 0;
  for (let i = 0; i < clusters.length; i++) count = Math.max(count, clusters[i]! + 1);
  const ones = { length: values.length };
  const totals = sumByCluster(values, clusters, count, weights);
  const weightTotals = sumByCluster(weights ?? Array.from(ones, () => 1), clusters, count);
  return estimateRatio(totals, weightTotals, transform);
}

/** Perplexity exp(mean nats per token), with its bootstrap interval over clusters; arguments as for {@link estimateMean}. */
export function estimatePerplexity(
  nats: ArrayLike<number>,
  clusters: ArrayLike<number>,
  weights?: ArrayLike<number>,
): Estimate | null {
  return estimateMean(nats, clusters, weights, Math.exp);
}

function sortedQuantile(sorted: Float64Array, fraction: number): number {
  if (sorted.length === 0) return Number.NaN;
  const position = (sorted.length - 1) * fraction;
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (position - below);
}

function expectSameLength(where: string, name: string, got: ArrayLike<number>, expected: ArrayLike<number>): void {
  if (got.length !== expected.length) {
    throw new ShapeError(`${where}: ${name} must have ${expected.length} entries, got ${got.length}.`);
  }
}
