/** @file What makes two tokenizers the same: vocabulary, merges and added tokens, whatever the file that holds them looks like. */

import { createHash } from "node:crypto";
import { DataError } from "../errors.js";
import type { Tokenizer } from "./tokenizer.js";

/** The parts of a tokenizer.json that decide which id means what. */
export interface TokenizerDefinition {
  readonly model: {
    readonly type?: string;
    /** Token to id, or (unigram models) a list of [token, score] by id. */
    readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[];
    /** Pairs, or (older files) pairs joined by a space. */
    readonly merges?: readonly (string | readonly [string, string])[];
  };
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

/**
 * Refuses two tokenizers that give ids different meanings. Equal sizes prove nothing, so fingerprints are compared.
 *
 * @throws DataError with both short fingerprints and the first id whose text differs.
 */
export function assertSameTokenizer(teacher: Tokenizer, student: Tokenizer): void {
  if (teacher.fingerprint === student.fingerprint) return;
  const ids = Math.max(teacher.vocabSize, student.vocabSize);
  let difference = "the ids agree, but the merges do not";
  for (let id = 0; id < ids; id++) {
    const [ours, theirs] = [teacher.tokenText(id), student.tokenText(id)];
    if (ours === theirs) continue;
    difference = `id ${id} is ${quote(ours)} vs ${quote(theirs)}`;
    break;
  }
  const [a, b] = [teacher.fingerprint.slice(0, 8), student.fingerprint.slice(0, 8)];
  throw new DataError(`data: teacher and student tokenizers differ (fingerprint ${a} vs ${b}; ${difference}).`, {
    hint: "Use a teacher with the student's tokenizer.",
    details: { teacher: teacher.fingerprint, student: student.fingerprint },
  });
}

function quote(text: string | undefined): string {
  return text === undefined ? "missing" : JSON.stringify(text);
}
