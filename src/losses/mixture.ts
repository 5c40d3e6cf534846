/** @file The distributions of several teachers as one: their weighted mean, in log space, so that no tail is lost. */

import type { Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";

/** One teacher's logits, and its part of the mean. */
export interface MixedLogits {
  /** `[rows, width]`. */
  readonly logits: Value;
  /** Above 0; the shares of all sum to 1. */
  readonly share: number;
}

/** Weights scaled to sum to 1. */
export function sharesOf(members: readonly { readonly weight: number }[]): readonly number[] {
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  return members.map(({ weight }) => weight / total);
}

/** log Σ share · softmax(logits) over the first `width` ids, `[rows, width]`. */
export function mixLogits(members: readonly MixedLogits[], width: number): Value {
  const logProbs = members.map(({ logits, share }) => {
    return g.add(g.logSoftmax(g.slice(logits, { axis: 1, start: 0, end: width })), Math.log(share));
  });
  return logProbs.reduce((left, right) => {
    const most = g.max(left, right);
    return g.add(most, g.log(g.add(g.exp(g.sub(left, most)), g.exp(g.sub(right, most)))));
  });
}
