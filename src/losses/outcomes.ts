/** @file A distribution over outcomes per row, as divergences see it: the vocabulary, or kept tokens and one tail. */

import type { Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";

/** Natural log-probs and probabilities of the same outcomes, each `[rows, outcomes]`; rows sum to 1. */
export interface Outcomes {
  readonly logProbs: Value;
  readonly probabilities: Value;
  /** True where the last outcome is a tail: every token that the teacher did not name. */
  readonly hasTail?: boolean;
}

/** Stands for log 0: finite, so that 0 · log 0 is 0. */
export const logZero = -1e30;

/** Outcomes from log-probs; the probabilities are built when first asked for. */
export function fromLogProbs(logProbs: Value, hasTail = false): Outcomes {
  let probabilities: Value | undefined;
  return {
    logProbs,
    hasTail,
    get probabilities() {
      probabilities ??= g.exp(logProbs);
      return probabilities;
    },
  };
}

/** softmax(logits / τ) over the whole width. */
export function fromLogits(logits: Value, temperature: number): Outcomes {
  return fromLogProbs(g.logSoftmax(temper(logits, temperature)));
}

/** logits / τ; the value itself where τ is 1. */
export function temper(logits: Value, temperature: number): Value {
  return temperature === 1 ? logits : g.mul(logits, 1 / temperature);
}

/** What a teacher said about its k likeliest tokens per row. */
export interface TopK {
  /** `[rows, k]`, distinct in a row. */
  readonly ids: Value;
  /** Log-probs over the whole vocabulary at temperature 1, `[rows, k]`. */
  readonly logProbs: Value;
  /** log Z_τ − (log Z_1)/τ per row, `[rows, 1]`; not needed at temperature 1. */
  readonly logNormalizer?: Value | undefined;
}

/**
 * Teacher and student over k + 1 outcomes: the kept tokens and everything else in one tail bucket.
 *
 * log p_τ(i) = logProbs(i)/τ − logNormalizer, exact on the kept tokens and in the tail's mass. Where k is the whole width
 * there is no tail, and no bucket is invented. The student's tail is a log-sum-exp over the other tokens, never 1 − Σ.
 *
 * @param logits - the student's, `[rows, vocab]`.
 * @see docs/glossary.md, "tail".
 */
export function withTailBucket(
  logits: Value,
  { ids, logProbs, logNormalizer }: TopK,
  temperature: number,
): { readonly student: Outcomes; readonly teacher: Outcomes } {
  const tempered = temper(logits, temperature);
  const shifted = logNormalizer ? g.sub(temper(logProbs, temperature), logNormalizer) : logProbs; // [rows, k]
  const total = g.reduceLogSumExp(tempered, { axes: [-1], keepDims: true }); // [rows, 1]
  const kept = g.sub(g.gatherElements(tempered, ids), total); // [rows, k]
  if (ids.shape[1] === logits.shape[1]) return { student: fromLogProbs(kept), teacher: fromLogProbs(shifted) };
  const blocked = g.expand(logits.graph.number(logits.dtype, logZero), ids.shape);
  const others = g.reduceLogSumExp(g.scatterElementsAdd(tempered, ids, blocked), { axes: [-1], keepDims: true });
  const tail = g.sub(1, g.reduceSum(g.exp(shifted), { axes: [-1], keepDims: true })); // [rows, 1]
  const hasTail = g.greater(tail, 0);
  // The log of a number that is never 0 keeps both branches finite.
  const logTail = g.where(hasTail, g.log(g.where(hasTail, tail, 1)), logZero);
  return {
    student: fromLogProbs(g.concat([kept, g.sub(others, total)], 1), true),
    teacher: fromLogProbs(g.concat([shifted, logTail], 1), true),
  };
}

/**
 * log(w · a + (1 − w) · b) of two distributions, in log space: no mass is lost where a probability underflows.
 *
 * @param teacherShare - w, from 0 to 1.
 * @returns `[rows, outcomes]`, for closed-form gradients: it is not meant to be differentiated.
 */
export function logMixture(teacher: Outcomes, student: Outcomes, teacherShare: number): Value {
  if (teacherShare === 1) return teacher.logProbs;
  const left = g.add(teacher.logProbs, Math.log(teacherShare));
  const right = g.add(student.logProbs, Math.log1p(-teacherShare));
  const apart = g.neg(g.abs(g.sub(left, right)));
  return g.stopGradient(g.add(g.max(left, right), g.log(g.add(g.exp(apart), 1))));
}
