/**
 * @file Successive halving: all trials train a little, the best go on.
 *
 * With n trials of S steps and a reduction η there are R = ⌊log_η n⌋ cuts. Rung k (from 0) trains ⌊n / ηᵏ⌋ trials until step
 * s₀·ηᵏ with s₀ = S / η^R, and the last rung until S, so that every rung costs about as much.
 *
 * A trial is one run of S steps that is stopped at its rung and, where it is among the best, goes on from its checkpoint. Its
 * schedule is that of S steps from the first step on, so that what survives is bit for bit the run that was never stopped;
 * what is compared at a rung are students whose learning rate has not come down yet.
 *
 * @see Jamieson & Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", §3, algorithm 1
 *   (arXiv:1502.07943), where η = 2. Li et al. 2017, "Hyperband", §3 (arXiv:1603.06560), for other η.
 */

/** One round: so many trials train until this step. */
export interface Rung {
  readonly steps: number;
  readonly trials: number;
}

/**
 * The rungs of a search, the last of them at `steps`.
 *
 * @param reduction - η, a whole number of 2 or more.
 * @returns ascending steps, all but the last multiples of the first; one rung where there are too few trials or steps to cut.
 */
export function planRungs(trials: number, steps: number, reduction: number): readonly Rung[] {
  let cuts = 0;
  while (reduction ** (cuts + 1) <= Math.min(trials, steps)) cuts++;
  const first = Math.max(1, Math.round(steps / reduction ** cuts));
  const rungs = Array.from({ length: cuts + 1 }, (_, k) => {
    return { steps: k === cuts ? steps : first * reduction ** k, trials: Math.floor(trials / reduction ** k) };
  });
  return rungs.filter((rung, k) => k === cuts || rung.steps < steps);
}

/** The `count` with the lowest loss, in the order given; what has no loss is never kept. */
export function keepBest<Trial>(
  trials: readonly Trial[],
  lossOf: (trial: Trial) => number | undefined,
  count: number,
): readonly Trial[] {
  const ranked = trials
    .map((trial, order) => ({ trial, order, loss: lossOf(trial) }))
    .filter((each): each is { trial: Trial; order: number; loss: number } => Number.isFinite(each.loss))
    .sort((a, b) => a.loss - b.loss || a.order - b.order)
    .slice(0, count);
  return ranked.sort((a, b) => a.order - b.order).map(({ trial }) => trial);
}
