/** @file Splits ▁-marked text into words before byte-pair encoding, where that changes no id: then words are encoded once and remembered. */

import { isScored, type TokenizerDefinition } from "./tokenizer-fingerprint.js";

/**
 * A tokenizer's definition whose pre-tokenizer also splits at words.
 *
 * SentencePiece models converted to tokenizer.json hand a whole text to byte-pair encoding as one word, which takes minutes for a
 * book. Where no token holds a ▁ after another character, no merge crosses the start of a word, and splitting there is exact. A
 * `Metaspace` pre-tokenizer that is set to split at every ▁ is taken at its word, which the library does not do.
 */
export function splitAtWords(definition: TokenizerDefinition): TokenizerDefinition {
  const before = definition.pre_tokenizer as
    | { type?: string; replacement?: string; split?: boolean }
    | null
    | undefined;
  if (before && (before.type !== "Metaspace" || (before.replacement ?? "▁") !== "▁")) return definition;
  const splitsAtEveryMark = before != null && before.split !== false;
  if (!splitsAtEveryMark && !keepsWordsApart(definition)) return definition;
  const word = { Regex: splitsAtEveryMark ? "▁[^▁]*|[^▁]+" : "▁+[^▁]*|[^▁]+" };
  const split = { type: "Split", pattern: word, behavior: "Removed", invert: true };
  return { ...definition, pre_tokenizer: before ? { type: "Sequence", pretokenizers: [before, split] } : split };
}

function keepsWordsApart({ model }: TokenizerDefinition): boolean {
  if (model.type !== "BPE" || isScored(model.vocab)) return false;
  const tokens = Object.keys(model.vocab);
  return tokens.some((token) => token.startsWith("▁")) && !tokens.some((token) => /[^▁]▁/u.test(token));
}
