/** @file A distribution over outcomes per row, as divergences see it: the vocabulary, or kept tokens and one tail. */

import type { Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import type { Tail } from "../signals/signal-feeds.js";

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

/** τ: a constant, or a scalar of the graph. */
export type Temperature = number | Value;

/** softmax(logits / τ) over the whole width. */
export function fromLogits(logits: Value, temperature: Temperature): Outcomes {
  return fromLogProbs(g.logSoftmax(temper(logits, temperature)));
}

/** logits / τ; the value itself where τ is 1. */
export function temper(logits: Value, temperature: Temperature): Value {
  if (typeof temperature === "number") return temperature === 1 ? logits : g.mul(logits, 1 / temperature);
  return g.mul(logits, g.div(1, temperature));
}

/** What a teacher said about its k likeliest tokens per row. */
export interface TopK {
  /** `[rows, k]`, distinct in a row. */
  readonly ids: Value;
  /** Log-probs over the whole vocabulary at temperature 1, `[rows, k]`. */
  readonly logProbs: Value;
  /** log Z_τ − (log Z_1)/τ per row, `[rows, 1]`; not needed at temperature 1. */
  readonly logNormalizer?: Value | undefined;
  /** How often each token counts, `[rows, k]`, where some were drawn at random; left out: once. */
  readonly importance?: Value | undefined;
}

/**
 * Teacher and student over what a sparse signal names, and what stands for the rest. With K the kept tokens and P their mass:
 *
 *     bucket:       p and q on K, and one more outcome of 1 − P and 1 − Q: see {@link withTailBucket}
 *     drop:         p and q on K, neither of which sums to 1: a divergence may be below 0
 *     renormalize:  p/P and q on K: the student learns to give the rest nothing
 *     sampled:      p and q on K, and on m tokens drawn from the rest by p, each c(1 − P)/(m p) times where it came c times
 *
 * With `sampled` a sum over the vocabulary is estimated without bias, whatever the temperature: a token of the rest is drawn
 * m p/(1 − P) times on average. K may be empty.
 *
 * @see Anshumann et al. 2025, "Sparse Logit Sampling: Accelerating Knowledge Distillation in LLMs" (ACL 2025, long paper 885).
 */
export function sparseOutcomes(
  logits: Value,
  topK: TopK,
  temperature: Temperature,
  tail: Tail,
): { readonly student: Outcomes; readonly teacher: Outcomes } {
  if (tail === "bucket") return withTailBucket(logits, topK, temperature);
  const { kept, shifted } = keptOf(temper(logits, temperature), topK, temperature);
  if (tail === "sampled") {
    const { importance } = topK;
    return { student: counted(kept, importance), teacher: counted(shifted, importance) };
  }
  const mass = g.reduceLogSumExp(shifted, { axes: [-1], keepDims: true });
  const teacher = tail === "renormalize" ? g.sub(shifted, mass) : shifted;
  return { student: fromLogProbs(kept), teacher: fromLogProbs(teacher) };
}

/** Outcomes that count more or less than once. */
function counted(logProbs: Value, importance: Value | undefined): Outcomes {
  return importance ? { logProbs, probabilities: g.mul(importance, g.exp(logProbs)) } : fromLogProbs(logProbs);
}

/** Log-probs of the kept tokens, `[rows, k]`: the student's, {@link logZero} where a row has fewer, and the teacher's. */
function keptOf(tempered: Value, topK: TopK, temperature: Temperature) {
  const total = g.reduceLogSumExp(tempered, { axes: [-1], keepDims: true }); // [rows, 1]
  const kept = g.sub(g.gatherElements(tempered, topK.ids), total);
  return { shifted: shiftedOf(topK, temperature), kept: onlyThere(kept, topK) };
}

/** The teacher's log-probs of the kept tokens at τ. */
function shiftedOf({ logProbs, logNormalizer }: TopK, temperature: Temperature): Value {
  const own = temper(logProbs, temperature);
  return logNormalizer ? g.sub(own, logNormalizer) : own;
}

/** {@link logZero} where a row has fewer tokens than there is room for. */
function onlyThere(values: Value, { logProbs }: TopK): Value {
  return g.where(g.greater(logProbs, logZero / 10), values, logZero);
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
  topK: TopK,
  temperature: Temperature,
): { readonly student: Outcomes; readonly teacher: Outcomes } {
  const k = topK.ids.shape[1] as number;
  const tempered = temper(logits, temperature);
  if (k === logits.shape[1]) {
    const { kept, shifted } = keptOf(tempered, topK, temperature);
    return { student: fromLogProbs(kept), teacher: fromLogProbs(shifted) };
  }
  const folded = foldOthers(tempered, topK.ids, k);
  const kept = onlyThere(g.slice(folded, { axis: 1, start: 0, end: k }), topK);
  const others = g.slice(folded, { axis: 1, start: k, end: k + 1 });
  const shifted = shiftedOf(topK, temperature);
  const tail = g.sub(1, g.reduceSum(g.exp(shifted), { axes: [-1], keepDims: true })); // [rows, 1]
  const hasTail = g.greater(tail, 0);
  // The log of a number that is never 0 keeps both branches finite.
  const logTail = g.where(hasTail, g.log(g.where(hasTail, tail, 1)), logZero);
  return {
    student: fromLogProbs(g.logSoftmax(g.concat([kept, others], 1)), true),
    teacher: fromLogProbs(g.concat([shifted, logTail], 1), true),
  };
}

/**
 * The kept logits and the log-sum-exp of all others, `[rows, k + 1]`.
 *
 * With r the softmax of the logits z without the kept ones, and c the cotangent of what is returned:
 *
 *     log Σ eᶻ = max z − log max r,    ∂/∂zᵥ = cᵥ of a kept token, and rᵥ times the last c of another
 *
 * A closed form, because it is the only pass over the vocabulary that a top-k needs: the engine's softmax is several times
 * as fast as its log-sum-exp.
 */
function foldOthers(logits: Value, ids: Value, k: number): Value {
  const blocked = g.expand(logits.graph.number(logits.dtype, logZero), ids.shape);
  const others = g.scatterElementsAdd(logits, ids, blocked);
  const shares = g.softmax(others);
  const most = (values: Value) => g.reduceMax(values, { axes: [-1], keepDims: true });
  const folded = g.concat([g.gatherElements(logits, ids), g.sub(most(others), g.log(most(shares)))], 1);
  return g.customGradient(folded, [logits], (cotangent) => {
    const ofKept = g.slice(cotangent, { axis: 1, start: 0, end: k });
    const ofOthers = g.slice(cotangent, { axis: 1, start: k, end: k + 1 });
    return [g.scatterElementsAdd(g.mul(shares, ofOthers), ids, ofKept)];
  });
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
