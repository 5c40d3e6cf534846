/** @file Labels that have given shares of classes: what a strong student's predictions are hardened to. */

import { ShapeError } from "../errors.js";

/**
 * Whole numbers of rows that come nearest to the shares and add up to `rows`: what is left after rounding down goes to the largest
 * remainders, the first of equals.
 *
 * @param shares - by class, not negative, 1 together.
 */
export function countsOf(shares: ArrayLike<number>, rows: number): Int32Array {
  const exact = Array.from(shares, (share) => share * rows);
  // What rounding took from a whole number is given back.
  const counts = Int32Array.from(exact, (count) => Math.floor(count + 1e-6));
  const left = rows - counts.reduce((sum, count) => sum + count, 0);
  const remainder = (label: number) => exact[label]! - counts[label]!;
  const byRemainder = exact.map((_, label) => label).sort((a, b) => remainder(b) - remainder(a) || a - b);
  for (const label of byRemainder.slice(0, left)) counts[label]!++;
  return counts;
}

/**
 * The likeliest labels of which every class has its count:
 *
 *     ŷ = argmax over y of Σᵢ log q(yᵢ | xᵢ),    subject to |{i : yᵢ = c}| = counts[c]
 *
 * For two classes that is a threshold: the rows of the largest log q(1) − log q(0) get class 1. For more it is an assignment, found
 * by successive shortest paths: every row starts with its likeliest class, and as long as a class has too many rows, the cheapest
 * chain of moves (one row per class on the way) leads to a class that has too few.
 *
 * @param logProbs - `[rows, classes]`, row by row.
 * @param counts - `[classes]`, as many as there are rows together.
 * @returns `[rows]`.
 * @throws ShapeError where the counts are not as many as the rows.
 * @see Burns et al. 2023, "Weak-to-Strong Generalization", §4.3.2 and appendix A.4 (arXiv:2312.09390): f̂ₜ, for two classes.
 */
export function hardenToCounts(logProbs: ArrayLike<number>, counts: Int32Array): Int32Array {
  const classes = counts.length;
  const rows = counts.reduce((sum, count) => sum + count, 0);
  if (logProbs.length !== rows * classes) {
    throw new ShapeError(
      `hardenToCounts: logProbs must have shape [rows=${rows}, classes=${classes}], got ${logProbs.length} numbers.`,
    );
  }
  const labels = Int32Array.from({ length: rows }, (_, row) => likeliest(logProbs, row, classes));
  const surplus = Int32Array.from(counts, (count) => -count);
  for (const label of labels) surplus[label]!++;
  for (;;) {
    const path = cheapestPath(labels, logProbs, surplus);
    if (!path) return labels;
    surplus[path.from]!--;
    surplus[path.to]!++;
    for (const { row, to } of path.moves) labels[row] = to;
  }
}

interface Move {
  readonly row: number;
  readonly to: number;
}

/** From a class with too many rows to one with too few; undefined where there is none. */
function cheapestPath(
  labels: Int32Array,
  logProbs: ArrayLike<number>,
  surplus: Int32Array,
): { readonly from: number; readonly to: number; readonly moves: readonly Move[] } | undefined {
  const classes = surplus.length;
  const all = Array.from(surplus.keys());
  const edges = cheapestMoves(labels, logProbs, classes);
  const costs = all.map((label) => (surplus[label]! > 0 ? 0 : Number.POSITIVE_INFINITY));
  const cameFrom = new Int32Array(classes).fill(-1);
  // Bellman-Ford: a row that was moved before may be moved back, at a negative cost.
  for (let round = 1; round < classes; round++) {
    for (const from of all) {
      for (const to of all) {
        const cost = costs[from]! + edges.costs[from * classes + to]!;
        if (cost >= costs[to]! - 1e-12) continue;
        costs[to] = cost;
        cameFrom[to] = from;
      }
    }
  }
  const wanting = all.filter((label) => surplus[label]! < 0);
  if (wanting.length === 0) return undefined;
  const to = wanting.reduce((best, label) => (costs[label]! < costs[best]! ? label : best));
  if (!Number.isFinite(costs[to]!)) return undefined; // predictions that are not finite, which the loss will tell of
  const moves: Move[] = [];
  let from = to;
  while (cameFrom[from]! >= 0) {
    const before = cameFrom[from]!;
    moves.push({ row: edges.rows[before * classes + from]!, to: from });
    from = before;
  }
  return { from, to, moves };
}

/** Between every two classes the row whose move costs least log-probability. */
function cheapestMoves(labels: Int32Array, logProbs: ArrayLike<number>, classes: number) {
  const costs = new Float64Array(classes * classes).fill(Number.POSITIVE_INFINITY);
  const rows = new Int32Array(classes * classes);
  for (const [row, label] of labels.entries()) {
    for (let to = 0; to < classes; to++) {
      const cost = logProbs[row * classes + label]! - logProbs[row * classes + to]!;
      const edge = label * classes + to;
      if (to === label || !(cost < costs[edge]!)) continue;
      costs[edge] = cost;
      rows[edge] = row;
    }
  }
  return { costs, rows };
}

function likeliest(logProbs: ArrayLike<number>, row: number, classes: number): number {
  let best = 0;
  for (let label = 1; label < classes; label++) {
    if (logProbs[row * classes + label]! > logProbs[row * classes + best]!) best = label;
  }
  return best;
}
