/**
 * @file Pairs of texts that are nearly the same, found without comparing all with all: MinHash signatures, and bands of them that
 * likely agree where the texts do. Every pair found is then compared exactly.
 *
 * Broder 1997, "On the resemblance and containment of documents" (MinHash); Leskovec, Rajaraman & Ullman, "Mining of Massive
 * Datasets", §3.4 (bands); Lee et al. 2021, "Deduplicating Training Data Makes Language Models Better", §4.2 (5-word shingles and
 * a similarity of 0.8; arXiv:2107.06499).
 */

import { wordsOf } from "./normal-text.js";

/** Words of one shingle. */
const shingleWords = 5;
const signatureLength = 128;
/** The chance that a pair of just the asked similarity is missed is below this. */
const mostMissed = 0.001;

/** A row's prompt and response as sets of shingles. */
export interface ShingledRow {
  readonly prompt: ReadonlySet<number>;
  readonly response: ReadonlySet<number>;
}

/** Remembers rows, and finds those that a new one nearly repeats. */
export interface NearDuplicates {
  /**
   * The largest similarity to a remembered row that reaches the bar, where there is one. A row's similarity to another is the
   * smaller of two Jaccard similarities, |A ∩ B| / |A ∪ B|: that of the prompts' shingles and that of the responses'.
   */
  find(row: ShingledRow): number | undefined;
  remember(row: ShingledRow): void;
}

/** @param similarity - the bar, above 0 and at most 1. */
export function makeNearDuplicates(similarity: number): NearDuplicates {
  const rowsPerBand = bandRows(similarity);
  const bands = Array.from({ length: signatureLength / rowsPerBand }, () => new Map<string, ShingledRow[]>());
  const keysOf = (row: ShingledRow): string[] => {
    const signature = signatureOf(row);
    return bands.map((_, band) => signature.subarray(band * rowsPerBand, (band + 1) * rowsPerBand).join());
  };
  return {
    find(row) {
      let most: number | undefined;
      const seen = new Set<ShingledRow>();
      for (const [band, key] of keysOf(row).entries()) {
        for (const other of bands[band]!.get(key) ?? []) {
          if (seen.has(other)) continue;
          seen.add(other);
          const same = Math.min(jaccard(row.response, other.response), jaccard(row.prompt, other.prompt));
          if (same >= similarity && same > (most ?? 0)) most = same;
        }
      }
      return most;
    },
    remember(row) {
      for (const [band, key] of keysOf(row).entries()) {
        const known = bands[band]!.get(key);
        if (known) known.push(row);
        else bands[band]!.set(key, [row]);
      }
    },
  };
}

/** Hashes of a text's runs of five words; of all its words where it has fewer, and none for a text without words. */
export function shinglesOf(text: string): ReadonlySet<number> {
  const words = wordsOf(text);
  const shingles = new Set<number>();
  const last = Math.max(0, words.length - shingleWords);
  for (let i = 0; words.length > 0 && i <= last; i++) shingles.add(hashOf(words.slice(i, i + shingleWords).join(" ")));
  return shingles;
}

/** |A ∩ B| / |A ∪ B|; 1 for two empty sets. */
export function jaccard(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let shared = 0;
  for (const each of a) if (b.has(each)) shared++;
  const all = a.size + b.size - shared;
  return all === 0 ? 1 : shared / all;
}

/** The longest bands that still find a pair of this similarity s: it is missed with a chance of (1 − s^rows)^bands. */
function bandRows(similarity: number): number {
  const fitting = [64, 32, 16, 8, 4, 2].find(
    (rows) => (1 - similarity ** rows) ** (signatureLength / rows) < mostMissed,
  );
  return fitting ?? 1;
}

/**
 * The least value of each of 128 hash functions over all shingles of prompt and response. Where both similarities reach the bar,
 * so does that of the two sets put together.
 */
function signatureOf({ prompt, response }: ShingledRow): Uint32Array {
  const signature = new Uint32Array(signatureLength).fill(0xffffffff);
  const add = (shingle: number): void => {
    for (let i = 0; i < signatureLength; i++) {
      const value = scramble(shingle ^ Math.imul(i + 1, 0x9e3779b9));
      if (value < signature[i]!) signature[i] = value;
    }
  };
  for (const shingle of prompt) add(scramble(shingle));
  for (const shingle of response) add(shingle);
  return signature;
}

/** FNV-1a over UTF-16 units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The finalizer of MurmurHash3. */
function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
