/**
 * @file Filters of logits before a token is drawn, each a function from `[vocab]` to a new `[vocab]` in which −∞ stands for
 * "never".
 *
 * They agree with the logits processors of transformers, where several are also applied in this order: repetition penalty,
 * temperature, top-k, top-p, min-p. Every share of probability is one of what the filters before have left.
 */

/**
 * Makes tokens that were seen less likely: divides their positive logits by the penalty and multiplies the negative ones.
 *
 * @param penalty - 1 changes nothing.
 * @see Keskar et al. 2019, CTRL (arXiv:1909.05858) §4.1.
 */
export function penalizeRepetition(logits: Float32Array, seen: Iterable<number>, penalty: number): Float32Array {
  const result = logits.slice();
  for (const id of seen) result[id] = logits[id]! < 0 ? logits[id]! * penalty : logits[id]! / penalty;
  return result;
}

/** Divides the logits by the sampling temperature, above 0. */
export function applyTemperature(logits: Float32Array, temperature: number): Float32Array {
  return logits.map((logit) => logit / temperature);
}

/** Keeps the `k` likeliest tokens, and those as likely as the last of them. */
export function keepTopK(logits: Float32Array, k: number): Float32Array {
  return k >= logits.length ? logits.slice() : keepFrom(logits, kthLargest(logits, k));
}

/**
 * Keeps the fewest likeliest tokens that hold at least the share `p` of the probability: those less likely are dropped while
 * their sum is at most 1 − p. One token is always kept.
 *
 * @see Holtzman et al. 2020, nucleus sampling (arXiv:1904.09751) §3.1.
 */
export function keepTopP(logits: Float32Array, p: number): Float32Array {
  const { largest, total } = normalization(logits);
  const share = (logit: number) => Math.exp(logit - largest) / total;
  // Tokens below an equal share of 1 − p are dropped whatever the order, so only the others are sorted.
  const surelyDropped = (1 - p) / logits.length;
  const candidates: number[] = [];
  let dropped = 0;
  for (const logit of logits) {
    const probability = share(logit);
    if (probability >= surelyDropped) candidates.push(logit);
    else dropped += probability;
  }
  const ascending = Float32Array.from(candidates).sort();
  let first = 0;
  for (; first < ascending.length - 1; first++) {
    dropped += share(ascending[first]!);
    if (dropped > 1 - p) break;
  }
  return keepFrom(logits, ascending[first] ?? largest);
}

/** Keeps tokens that have at least the share `p` of the likeliest one's probability. @see Nguyen et al. 2024 (arXiv:2407.01082). */
export function keepMinP(logits: Float32Array, p: number): Float32Array {
  return keepFrom(logits, normalization(logits).largest + Math.log(p));
}

/** The index of the largest number, the first of equals. */
export function argMax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}

/**
 * The token at which the running sum of probabilities exceeds a share of their total.
 *
 * @param share - in [0, 1): a random number makes this a draw from softmax(logits).
 */
export function tokenAt(logits: Float32Array, share: number): number {
  const { largest, total } = normalization(logits);
  let left = share * total;
  let chosen = -1;
  for (let i = 0; i < logits.length; i++) {
    const weight = Math.exp(logits[i]! - largest);
    if (weight === 0) continue;
    chosen = i;
    left -= weight;
    if (left < 0) break;
  }
  return chosen;
}

function keepFrom(logits: Float32Array, smallest: number): Float32Array {
  return logits.map((logit) => (logit >= smallest ? logit : Number.NEGATIVE_INFINITY));
}

function normalization(logits: Float32Array): { readonly largest: number; readonly total: number } {
  const largest = logits[argMax(logits)]!;
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - largest);
  return { largest, total };
}

/** Hoare's selection: parts of the array that cannot hold the answer are left unsorted. */
function kthLargest(values: Float32Array, k: number): number {
  const items = values.slice();
  const target = items.length - k;
  let [low, high] = [0, items.length - 1];
  while (low < high) {
    const pivot = items[(low + high) >> 1]!;
    let [left, right] = [low, high];
    while (left <= right) {
      while (items[left]! < pivot) left++;
      while (items[right]! > pivot) right--;
      if (left > right) break;
      [items[left], items[right]] = [items[right]!, items[left]!];
      left++;
      right--;
    }
    if (target <= right) high = right;
    else if (target >= left) low = left;
    else break;
  }
  return items[target]!;
}
