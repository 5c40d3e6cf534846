/** @file How much a text repeats itself. */

/**
 * The share of a text's n-grams that stood in it before:
 *
 *     seq-rep-n = 1 − (different n-grams) / (n-grams)
 *
 * @param ids - tokens of one text.
 * @returns from 0 (nothing twice) to just below 1; 0 for a text of fewer than `n` tokens.
 * @see Welleck et al. 2019, "Neural Text Generation with Unlikelihood Training", §6 (arXiv:1908.04319).
 */
export function repeatedShare(ids: readonly number[], n: number): number {
  const count = ids.length - n + 1;
  if (count < 1) return 0;
  const different = new Set<string>();
  for (let i = 0; i < count; i++) different.add(ids.slice(i, i + n).join());
  return 1 - different.size / count;
}
