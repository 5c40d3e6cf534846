/** @file The tokens of a GGUF file: which are used, and which are found in text before it is split. */

import { ModelError } from "../../errors.js";
import type { Metadata } from "./metadata.js";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

export interface Vocabulary {
  /** By id. */
  readonly tokens: readonly string[];
  /** Token and id of all that are used: padding of the model's head is not. */
  readonly entries: readonly (readonly [token: string, id: number])[];
  readonly added: readonly AddedToken[];
  readonly hasByteTokens: boolean;
}

/** Values of `tokenizer.ggml.token_type`. */
const kinds = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 };

/** @throws ModelError if the lists are missing or differ in length. */
export function readVocabulary(metadata: Metadata): Vocabulary {
  const tokens = metadata.texts("tokenizer.ggml.tokens");
  const types = metadata.has("tokenizer.ggml.token_type")
    ? metadata.numbers("tokenizer.ggml.token_type")
    : tokens.map(() => kinds.normal);
  expectOnePerToken(metadata, "token_type", types, tokens);
  const entries = [...tokens.entries()]
    .filter(([id]) => types[id] !== kinds.unused)
    .map(([id, token]) => [token, id] as const);
  const added = entries
    .filter(([, id]) => [kinds.unknown, kinds.control, kinds.userDefined].includes(types[id]!))
    .map(([content, id]) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: types[id] !== kinds.userDefined,
    }));
  return { tokens, entries, added, hasByteTokens: types.includes(kinds.byte) };
}

/** What each kind of tokenizer makes. */
export interface Made {
  /** Of tokenizer.json. */
  readonly definition: Readonly<Record<string, unknown>>;
  readonly defaults: Defaults;
}

/** What llama.cpp takes where the file does not say. */
export interface Defaults {
  readonly addsBeginning: boolean;
  readonly bos?: number;
  readonly eos?: number;
  readonly unk?: number;
}

export function expectOnePerToken(
  { path }: Metadata,
  name: string,
  values: readonly number[],
  tokens: readonly string[],
): void {
  if (values.length === tokens.length) return;
  throw new ModelError(
    `"${path}": tokenizer.ggml.${name} must have one value for each of the ${tokens.length} tokens, got ${values.length}.`,
  );
}
