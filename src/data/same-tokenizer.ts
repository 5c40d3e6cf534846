/** @file Refuses a teacher and a student whose ids mean different things. */

import { DataError } from "../errors.js";
import type { Tokenizer } from "./tokenizer.js";

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
