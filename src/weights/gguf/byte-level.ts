/** @file A GGUF file's byte-level tokenizer (`gpt2`) as the parts of a tokenizer.json. */

import { ModelError, show, UnsupportedError } from "../../errors.js";
import type { Metadata } from "./metadata.js";
import { type PreTokenizer, preTokenizers } from "./pre-tokenizers.js";
import type { Made, Vocabulary } from "./vocabulary.js";

/** @throws UnsupportedError for a way to split text that is not read. */
export function makeByteLevel(metadata: Metadata, { entries }: Vocabulary): Made {
  const { expressions, ignoresMerges, addsBeginning, composes } = readPreTokenizer(metadata);
  const split = (expression: string) => ({
    type: "Split",
    pattern: { Regex: expression },
    behavior: "Isolated",
    invert: false,
  });
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false };
  return {
    definition: {
      normalizer: composes ? { type: "NFC" } : null,
      pre_tokenizer: { type: "Sequence", pretokenizers: [...expressions.map(split), byteLevel] },
      decoder: byteLevel,
      model: {
        type: "BPE",
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: ignoresMerges,
        vocab: Object.fromEntries(entries),
        merges: metadata.texts("tokenizer.ggml.merges").map((merge) => readMerge(merge, metadata.path)),
      },
    },
    defaults: { addsBeginning },
  };
}

function readPreTokenizer(metadata: Metadata): PreTokenizer {
  const name = metadata.text("tokenizer.ggml.pre");
  if (name !== undefined && Object.hasOwn(preTokenizers, name)) return preTokenizers[name]!;
  throw new UnsupportedError(
    `"${metadata.path}": tokenizer.ggml.pre, how text is split, must be one of ${Object.keys(preTokenizers).join(", ")}, ` +
      `got ${name === undefined ? "nothing" : show(name)}.`,
    {
      hint:
        name === undefined
          ? "Convert the model again with a current llama.cpp, or set the key with `gguf-new-metadata --pre-tokenizer`."
          : "Use the model's Hugging Face folder.",
    },
  );
}

function readMerge(merge: string, path: string): readonly [string, string] {
  const space = merge.indexOf(" ", 1);
  if (space > 0 && space < merge.length - 1) return [merge.slice(0, space), merge.slice(space + 1)];
  throw new ModelError(`"${path}": tokenizer.ggml.merges must be pairs joined by a space, got ${show(merge)}.`);
}
