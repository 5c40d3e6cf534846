/** @file The learning rate of every step. */

import type { TrainingOptions } from "./options.js";

/**
 * Rate of step s (from 1) of S: a linear warm-up over W steps, then the schedule's factor of the base rate.
 *
 *     s ≤ W: s / W;   otherwise with x = (s − 1 − W) / (S − W):   constant 1;   linear 1 − x;   cosine ½(1 + cos πx)
 *
 * The last step still moves: its factor is above 0.
 *
 * @see Loshchilov & Hutter 2017, "SGDR" (arXiv:1608.03983), for the cosine.
 */
export function learningRateAt(
  step: number,
  steps: number,
  { learningRate, schedule, warmupSteps }: Pick<TrainingOptions, "learningRate" | "schedule" | "warmupSteps">,
): number {
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps;
  const progress = (step - 1 - warmupSteps) / (steps - warmupSteps);
  switch (schedule) {
    case "constant":
      return learningRate;
    case "linear":
      return learningRate * (1 - progress);
    case "cosine":
      return learningRate * 0.5 * (1 + Math.cos(Math.PI * progress));
  }
}
