/**
 * @file Weights of terms by the size of their gradients.
 *
 * Chen et al. 2018, "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep Multitask Networks", §3.2 (arXiv:1711.02257).
 */

/** Share of the past in the average at every step. */
const decay = 0.9;
/** A gradient below this share of the largest counts as this share: what has nothing left to teach is not raised to noise. */
const smallestShare = 0.01;

/** Gradient norms by term, averaged over the steps so far, the last ones most. */
export interface NormAverage {
  readonly steps: number;
  /** Σ over steps s of 0.1 · 0.9^(steps − s) · norm, by term. */
  readonly sums: Readonly<Record<string, number>>;
}

export const noNorms: NormAverage = { steps: 0, sums: {} };

/** The average after one more step. */
export function addNorms({ steps, sums }: NormAverage, norms: Readonly<Record<string, number>>): NormAverage {
  const added = Object.entries(norms).map(([name, norm]) => {
    return [name, decay * (sums[name] ?? 0) + (1 - decay) * norm] as const;
  });
  return { steps: steps + 1, sums: Object.fromEntries(added) };
}

/**
 * Weights at which the terms' gradients are as large, compared with each other, as the given weights say.
 *
 * With λᵢ the given weight and nᵢ the average norm of the term's own gradient, at least a hundredth of the largest:
 *
 *     wᵢ = λᵢ c / nᵢ,    c = Σⱼ λⱼ nⱼ / Σⱼ λⱼ
 *
 * so that wᵢ nᵢ is in the ratio of λᵢ, and Σ wᵢ nᵢ is what it would be without balancing: the learning rate stays good. These are the
 * weights at which GradNorm's loss is 0 where its asymmetry α is 0, found at once instead of by gradient steps; its norms are by the
 * weights of the last shared layer, ours by the logits before it.
 *
 * @param average - before the step; the given weights are returned where it is of no step.
 */
export function balancedWeights(
  given: Readonly<Record<string, number>>,
  { steps, sums }: NormAverage,
): Readonly<Record<string, number>> {
  const names = Object.keys(given);
  const corrected = names.map((name) => (sums[name] ?? 0) / (1 - decay ** steps));
  const largest = Math.max(...corrected);
  const total = names.reduce((sum, name) => sum + given[name]!, 0);
  if (steps === 0 || names.length === 1 || largest === 0 || total === 0) return given;
  const norms = corrected.map((norm) => Math.max(norm, smallestShare * largest));
  const shared = names.reduce((sum, name, i) => sum + given[name]! * norms[i]!, 0) / total;
  return Object.fromEntries(names.map((name, i) => [name, (given[name]! * shared) / norms[i]!]));
}
