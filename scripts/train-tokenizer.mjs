/**
 * @file Trains the quickstart's tokenizer, a byte-level BPE of 4,096 tokens, on the train side of its text, and writes it
 * as `tokenizer.json` and `tokenizer_config.json` into the teacher's folder. Run after `npm run build`:
 *
 *     node scripts/train-tokenizer.mjs [FOLDER]
 *
 * Sennrich, Haddow & Birch 2016, "Neural Machine Translation of Rare Words with Subword Units" (arXiv:1508.07909), over
 * bytes as in GPT-2 (Radford et al. 2019). The same text always gives the same file: among pairs of equal count the one
 * with the lower ids is merged first, as the Hugging Face trainer does.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { locateDataset, readDataset } from "../dist/recipes/quickstart-data.js";

const vocabSize = 4096;
const endToken = "<|endoftext|>";

/** How GPT-2 cuts text into words before any merge: contractions, letters, digits and other signs, each with one space before. */
const wordPattern = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/**
 * A printable character for each byte, as GPT-2 writes them: printable Latin-1 stands for itself, the rest follow from U+0100.
 * @type {readonly string[]}
 */
const byteCharacters = (() => {
  let next = 0x100;
  /** @param {number} byte */
  const isPrintable = (byte) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
})();

/**
 * Learns merges until the vocabulary is full.
 *
 * @param {Iterable<string>} texts
 * @returns {{ tokens: string[], merges: [string, string][] }} tokens by id: the end token, the 256 bytes, one per merge
 */
function trainTokenizer(texts) {
  const tokens = [endToken, ...[...byteCharacters].sort()];
  const idOfByte = byteCharacters.map((character) => tokens.indexOf(character));
  /** @type {[string, string][]} */
  const merges = [];

  const words = [...countWords(texts)].map(([word, count]) => ({
    count,
    ids: [...Buffer.from(word, "utf8")].map((byte) => idOfByte[byte]),
  }));

  // For every pair of neighbours: how often it stands in the text, and in which words (some may have lost it since).
  /** @type {Map<number, { count: number, words: Set<number> }>} */
  const pairs = new Map();
  const pairKey = (/** @type {number} */ left, /** @type {number} */ right) => left * vocabSize + right;
  /** @param {number} word @param {1 | -1} sign */
  const tally = (word, sign) => {
    const { ids, count } = words[word];
    for (let i = 1; i < ids.length; i++) {
      const key = pairKey(ids[i - 1], ids[i]);
      const pair = pairs.get(key) ?? { count: 0, words: new Set() };
      pair.count += sign * count;
      if (sign > 0) pair.words.add(word);
      if (pair.count > 0) pairs.set(key, pair);
      else pairs.delete(key);
    }
  };
  for (let word = 0; word < words.length; word++) tally(word, 1);

  while (tokens.length < vocabSize && pairs.size > 0) {
    const [left, right] = mostFrequent(pairs);
    const merged = tokens.push(tokens[left] + tokens[right]) - 1;
    merges.push([tokens[left], tokens[right]]);
    for (const word of pairs.get(pairKey(left, right))?.words ?? []) {
      tally(word, -1);
      words[word].ids = joinPair(words[word].ids, left, right, merged);
      tally(word, 1);
    }
  }
  return { tokens, merges };
}

/** @param {Iterable<string>} texts */
function countWords(texts) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const text of texts) {
    for (const [word] of text.matchAll(wordPattern)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

/**
 * The pair with the highest count; among equals the lowest ids.
 * @param {Map<number, { count: number }>} pairs
 */
function mostFrequent(pairs) {
  let best = -1;
  let bestCount = 0;
  for (const [key, { count }] of pairs) {
    if (count > bestCount || (count === bestCount && key < best)) {
      best = key;
      bestCount = count;
    }
  }
  return [Math.floor(best / vocabSize), best % vocabSize];
}

/** @param {number[]} ids @param {number} left @param {number} right @param {number} merged */
function joinPair(ids, left, right, merged) {
  const joined = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && ids[i + 1] === right) {
      joined.push(merged);
      i++;
    } else joined.push(ids[i]);
  }
  return joined;
}

/** @param {ReturnType<typeof trainTokenizer>} trained */
function tokenizerFile({ tokens, merges }) {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const exactly = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [{ id: 0, content: endToken, ...exactly }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

const folder = process.argv[2] ?? "assets/quickstart/teacher";
const { train } = await readDataset(locateDataset());
const texts = train
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line).text);
const trained = trainTokenizer(texts);
await mkdir(folder, { recursive: true });
await writeFile(join(folder, "tokenizer.json"), `${JSON.stringify(tokenizerFile(trained), null, 1)}\n`);
const settings = {
  tokenizer_class: "PreTrainedTokenizerFast",
  eos_token: endToken,
  clean_up_tokenization_spaces: false,
};
await writeFile(join(folder, "tokenizer_config.json"), `${JSON.stringify(settings, null, 2)}\n`);
process.stdout.write(`${trained.tokens.length} tokens written to ${folder}\n`);
