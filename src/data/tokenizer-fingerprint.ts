/** @file What makes two tokenizers the same: vocabulary, merges and added tokens, whatever the file that holds them looks like. */

import { createHash } from "node:crypto";

/** The parts of a tokenizer.json that are looked into. */
export interface TokenizerDefinition {
  readonly model: {
    readonly type?: string;
    /** Token to id, or (unigram models) a list of [token, score] by id. */
    readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[];
    /** Pairs, or (older files) pairs joined by a space. */
    readonly merges?: readonly (string | readonly [string, string])[];
  };
  readonly pre_tokenizer?: unknown;
  readonly decoder?: unknown;
  readonly added_tokens?: readonly { readonly id: number; readonly content: string; readonly special?: boolean }[];
}

/**
 * SHA-256 of vocabulary, merges and added tokens in a canonical form, in hexadecimal.
 *
 * Formatting, the order of entries, the spelling of merges and everything outside these three (normalizer, templates,
 * tokenizer_config.json) do not count. Whether an added token is repeated in the vocabulary does not count either.
 */
export function fingerprintTokenizer(definition: TokenizerDefinition): string {
  const { vocab, merges = [] } = definition.model;
  const added = (definition.added_tokens ?? []).map(({ id, content }) => [id, content] as const);
  const entries: readonly (readonly [number, string, number?])[] = isScored(vocab)
    ? vocab.map(([token, score], id) => [id, token, score])
    : Object.entries(vocab).map(([token, id]) => [id, token]);
  const canonical = {
    vocabulary: [...new Map([...added, ...entries].map((entry) => [entry[0], entry])).values()].sort(
      (a, b) => a[0] - b[0],
    ),
    merges: merges.map((merge) => (typeof merge === "string" ? splitMerge(merge) : merge)),
    added: added.sort((a, b) => a[0] - b[0]),
  };
  return createHash("sha256").update(JSON.stringify(canonical)).digest("hex");
}

/** True for a unigram model's vocabulary. */
export function isScored(
  vocab: TokenizerDefinition["model"]["vocab"],
): vocab is readonly (readonly [string, number])[] {
  return Array.isArray(vocab);
}

function splitMerge(merge: string): readonly [string, string] {
  const space = merge.indexOf(" ", 1);
  return [merge.slice(0, space), merge.slice(space + 1)];
}
