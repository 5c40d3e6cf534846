/** @file AdamW: Adam with bias correction and decoupled weight decay, in place on float32 arrays. */

import type { ParameterRole } from "../models/architecture.js";

export interface AdamWOptions {
  readonly betas: readonly [number, number];
  /** Outside the square root. */
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** A weight with its two moments, all of one length. */
export interface OptimizedParameter {
  readonly name: string;
  readonly weights: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  readonly isDecayed: boolean;
}

/** Norms, biases and embeddings are not decayed. */
export function isDecayed(role: ParameterRole): boolean {
  return role === "matrix" || role === "residual-matrix" || role === "head";
}

/**
 * One update of one parameter:
 *
 *     g = gradient · gradientScale
 *     m ← β₁m + (1 − β₁)g,   v ← β₂v + (1 − β₂)g²
 *     w ← w·(1 − rate·decay) − rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
 *
 * @param step - t, from 1.
 * @param gradientScale - turns the summed gradient into that of the mean, clipped.
 * @see Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", Algorithm 2 (arXiv:1711.05101); as PyTorch does.
 */
export function updateParameter(
  { weights, firstMoment, secondMoment, isDecayed: decays }: OptimizedParameter,
  gradient: Float32Array,
  step: number,
  learningRate: number,
  gradientScale: number,
  { betas: [beta1, beta2], epsilon, weightDecay }: AdamWOptions,
): void {
  const shrink = decays ? 1 - learningRate * weightDecay : 1;
  const rate = learningRate / (1 - beta1 ** step);
  const rootCorrection = 1 / Math.sqrt(1 - beta2 ** step);
  const [fresh1, fresh2] = [1 - beta1, 1 - beta2];
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i]! * gradientScale;
    const m = beta1 * firstMoment[i]! + fresh1 * g;
    const v = beta2 * secondMoment[i]! + fresh2 * g * g;
    firstMoment[i] = m;
    secondMoment[i] = v;
    weights[i] = weights[i]! * shrink - (rate * m) / (Math.sqrt(v) * rootCorrection + epsilon);
  }
}

/** L2 norm over all gradients, each counted once, accumulated in float64. */
export function gradientNorm(gradients: Iterable<Float32Array>): number {
  // Four sums side by side: one alone would wait for itself at every element.
  const sums = [0, 0, 0, 0];
  for (const gradient of gradients) {
    let [a, b, c, d] = sums as [number, number, number, number];
    const whole = gradient.length - (gradient.length % 4);
    for (let i = 0; i < whole; i += 4) {
      a += gradient[i]! * gradient[i]!;
      b += gradient[i + 1]! * gradient[i + 1]!;
      c += gradient[i + 2]! * gradient[i + 2]!;
      d += gradient[i + 3]! * gradient[i + 3]!;
    }
    for (let i = whole; i < gradient.length; i++) a += gradient[i]! * gradient[i]!;
    [sums[0], sums[1], sums[2], sums[3]] = [a, b, c, d];
  }
  return Math.sqrt(sums.reduce((total, each) => total + each));
}
