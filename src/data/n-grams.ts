/**
 * @file The n-grams of a text as rows of a table: runs of words, and runs of characters within words, each told by its hash.
 *
 * Bojanowski et al. 2016, "Enriching Word Vectors with Subword Information" (arXiv:1607.04606), §3.2; hashing with FNV-1a as there.
 */

import type { BagOfNGramsShape } from "../models/bag-of-n-grams.js";
import type { ReadText } from "./text-reader.js";

/** Words, and every other visible character by itself. */
const wordPattern = /[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu;

/**
 * The n-grams in the order of the text, so that a long text is read from its start: per word the runs of words that end with it,
 * then its runs of characters, with < and > at its ends. Capitals count as small letters.
 *
 * Every text begins with row 0, which no n-gram has: an empty one is not without a mean.
 *
 * @param limit - most ids.
 */
export function nGramIds(
  text: string,
  { buckets, wordNGrams, characterNGrams }: Pick<BagOfNGramsShape, "buckets" | "wordNGrams" | "characterNGrams">,
  limit: number,
): ReadText {
  const ids = [0];
  const before: string[] = [];
  for (const [word] of text.normalize("NFKC").toLowerCase().matchAll(wordPattern)) {
    before.push(word);
    if (before.length > wordNGrams) before.shift();
    for (let n = 1; n <= before.length; n++) ids.push(rowOf(before.slice(-n).join(" "), buckets));
    if (characterNGrams) addCharacterNGrams(ids, word, characterNGrams, buckets);
    if (ids.length > limit) break;
  }
  return { ids: Int32Array.from(ids.slice(0, limit)), isCut: ids.length > limit };
}

/** Runs of characters; the word with both its ends is the run of one word already. */
function addCharacterNGrams(
  ids: number[],
  word: string,
  [shortest, longest]: readonly [number, number],
  buckets: number,
): void {
  const characters = [...`<${word}>`];
  for (let length = shortest; length <= Math.min(longest, characters.length - 1); length++) {
    for (let start = 0; start + length <= characters.length; start++) {
      ids.push(rowOf(`#${characters.slice(start, start + length).join("")}`, buckets));
    }
  }
}

/** A row from 1 on, by the 32-bit FNV-1a hash of the UTF-16 code units. */
function rowOf(nGram: string, buckets: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < nGram.length; i++) hash = Math.imul(hash ^ nGram.charCodeAt(i), 0x01000193);
  return 1 + ((hash >>> 0) % (buckets - 1));
}
