/** @file Two models' logits of one position compared, in float64: exact enough to tell an export that is equal from one that is not. */

/** What two models say after the same tokens. */
export interface RowComparison {
  /** KL(reference ‖ model) in nats, over the ids that both heads have. */
  readonly kl: number;
  /** Whether both find the same token most likely. */
  readonly agrees: boolean;
  /** Natural log-prob of the target under the model, over its whole head. */
  readonly targetLogProb: number;
  readonly referenceTargetLogProb: number;
}

/**
 * With a and b the logits, p = softmax(a), both cut to the narrower head:
 *
 *     KL = Σ p·(a − b) − log Σ exp a + log Σ exp b
 */
export function compareLogits(reference: Float32Array, model: Float32Array, targetId: number): RowComparison {
  const width = Math.min(reference.length, model.length);
  const [a, b] = [largest(reference, width), largest(model, width)];
  let [sumA, sumB, cross] = [0, 0, 0];
  for (let i = 0; i < width; i++) {
    const share = Math.exp(reference[i]! - a.value);
    sumA += share;
    sumB += Math.exp(model[i]! - b.value);
    cross += share * (reference[i]! - model[i]!);
  }
  const kl = cross / sumA - (a.value + Math.log(sumA)) + (b.value + Math.log(sumB));
  return {
    // Rounding of sums may leave less than nothing.
    kl: Math.max(0, kl),
    agrees: a.index === b.index,
    targetLogProb: model[targetId]! - (b.value + Math.log(sumB + rest(model, width, b.value))),
    referenceTargetLogProb: reference[targetId]! - (a.value + Math.log(sumA + rest(reference, width, a.value))),
  };
}

/** Natural log-prob of the target. */
export function logProbOf(logits: Float32Array, targetId: number): number {
  const { value } = largest(logits, logits.length);
  return logits[targetId]! - (value + Math.log(rest(logits, 0, value)));
}

function largest(logits: Float32Array, width: number): { readonly value: number; readonly index: number } {
  let index = 0;
  for (let i = 1; i < width; i++) if (logits[i]! > logits[index]!) index = i;
  return { value: logits[index]!, index };
}

/** Σ exp(logit − shift) from an id on. */
function rest(logits: Float32Array, from: number, shift: number): number {
  let sum = 0;
  for (let i = from; i < logits.length; i++) sum += Math.exp(logits[i]! - shift);
  return sum;
}
