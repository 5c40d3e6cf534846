/** @file First-fit packing: each item goes into the first bin that has room for it. */

/**
 * Packs items into bins, taking the items in their order and for each the first bin with room; O(n log n).
 *
 * Bins come in the order in which they were opened, and items within a bin in theirs, so items of equal length keep their order.
 *
 * @param lengths - `[items]`, each from 0 to `capacity`.
 * @returns the item numbers of each bin.
 */
export function packFirstFit(lengths: ArrayLike<number>, capacity: number): number[][] {
  const bins: number[][] = [];
  let leaves = 1;
  while (leaves < lengths.length) leaves *= 2;
  // A tree over all bins there could be: a node holds the most room of any bin below it. Unopened bins are empty ones.
  const room = new Int32Array(2 * leaves).fill(capacity);
  for (let item = 0; item < lengths.length; item++) {
    const length = lengths[item]!;
    let node = 1;
    while (node < leaves) node = room[2 * node]! >= length ? 2 * node : 2 * node + 1;
    const bin = node - leaves;
    bins[bin] ??= [];
    bins[bin].push(item);
    room[node]! -= length;
    for (node >>= 1; node >= 1; node >>= 1) room[node] = Math.max(room[2 * node]!, room[2 * node + 1]!);
  }
  return bins;
}
