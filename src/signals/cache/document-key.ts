/** @file What a document's signals are found by: the teacher's tokens and which of them are learned, whatever batch they come in. */

import { createHash } from "node:crypto";
import type { Span, TransferDocument } from "../../data/transfer-set.js";

/** Bytes of a key. */
export const documentKeyBytes = 16;

const known = new WeakMap<Span, string>();

/** 128 bits of SHA-256 over the teacher's view of a document, in hexadecimal. */
export function documentKey({ teacher }: TransferDocument): string {
  const key = known.get(teacher) ?? hashOf(teacher);
  known.set(teacher, key);
  return key;
}

function hashOf({ ids, responseMask }: Span): string {
  const hash = createHash("sha256").update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
  return hash
    .update(responseMask)
    .digest("hex")
    .slice(0, 2 * documentKeyBytes);
}
