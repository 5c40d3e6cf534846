/** @file The beginning that many token sequences share: a model reads it once for all of them. */

/**
 * How many tokens all sequences begin with alike.
 *
 * @param limit - at most so many.
 * @returns 0 where there is no sequence.
 */
export function sharedPrefixLength(sequences: readonly ArrayLike<number>[], limit: number): number {
  const [first, ...others] = sequences;
  if (first === undefined) return 0;
  let length = Math.min(limit, first.length);
  for (const other of others) {
    length = Math.min(length, other.length);
    for (let i = 0; i < length; i++) {
      if (other[i] !== first[i]) length = i;
    }
  }
  return length;
}
