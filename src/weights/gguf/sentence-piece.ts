/** @file A GGUF file's SentencePiece tokenizer (`llama`) as the parts of a tokenizer.json. */

import { UnsupportedError } from "../../errors.js";
import { mergesOf } from "./merges.js";
import type { Metadata } from "./metadata.js";
import { expectOnePerToken, type Made, type Vocabulary } from "./vocabulary.js";

/** @throws UnsupportedError if the scores do not tell the order of merges. */
export function makeSentencePiece(metadata: Metadata, vocabulary: Vocabulary): Made {
  const { tokens, entries, hasByteTokens } = vocabulary;
  const scores = metadata.numbers("tokenizer.ggml.scores");
  expectOnePerToken(metadata, "scores", scores, tokens);
  const merges = mergesOf(
    entries.map(([token]) => token),
    entries.map(([, id]) => scores[id]!),
  );
  if (merges.length > 1 && new Set(scores).size === 1) {
    throw new UnsupportedError(
      `"${metadata.path}": tokenizer.ggml.scores must tell which pieces are merged first, got one score for all.`,
      { hint: "Use the model's Hugging Face folder." },
    );
  }
  const defaults = { addsBeginning: true, bos: 1, eos: 2, unk: 0 };
  const unknown = metadata.count("tokenizer.ggml.unknown_token_id") ?? defaults.unk;
  const prefix = (metadata.flag("tokenizer.ggml.add_space_prefix") ?? true) ? "▁" : undefined;
  const spaces = { type: "Replace", pattern: { String: " " }, content: "▁" };
  return {
    definition: {
      normalizer: {
        type: "Sequence",
        normalizers: prefix === undefined ? [spaces] : [{ type: "Prepend", prepend: prefix }, spaces],
      },
      pre_tokenizer: null,
      decoder: {
        type: "Sequence",
        decoders: [
          { type: "Replace", pattern: { String: "▁" }, content: " " },
          { type: "ByteFallback" },
          { type: "Fuse" },
          ...(prefix === undefined ? [] : [{ type: "Strip", content: " ", start: 1, stop: 0 }]),
        ],
      },
      model: {
        type: "BPE",
        dropout: null,
        unk_token: tokens[unknown] ?? null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: true,
        byte_fallback: hasByteTokens,
        ignore_merges: false,
        vocab: Object.fromEntries(entries),
        merges,
      },
    },
    defaults,
  };
}
