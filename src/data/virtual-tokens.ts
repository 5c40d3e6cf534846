/** @file A soft prompt in a document's view: the ids of its vectors, before all of the text's own. */

import type { Span, TransferDocument } from "./transfer-set.js";

/**
 * The view with virtual tokens in front. They come before the text's beginning token too, as in PEFT, and are never learned.
 *
 * @param ids - `virtualIds` of the model that reads the view; the view itself is returned where there is none.
 */
export function prependVirtualTokens(span: Span, ids: Int32Array): Span {
  if (ids.length === 0) return span;
  const size = ids.length + span.ids.length;
  const [allIds, responseMask] = [new Int32Array(size), new Uint8Array(size)];
  allIds.set(ids);
  allIds.set(span.ids, ids.length);
  responseMask.set(span.responseMask, ids.length);
  return { ids: allIds, responseMask };
}

/** Documents whose student's view lacks its first tokens, which are virtual: what a model without the soft prompt reads. */
export function dropVirtualTokens(documents: readonly TransferDocument[], count: number): readonly TransferDocument[] {
  if (count === 0) return documents;
  return documents.map((document) => {
    const { ids, responseMask } = document.student;
    return { ...document, student: { ids: ids.subarray(count), responseMask: responseMask.subarray(count) } };
  });
}

/** Documents whose student's view begins with virtual tokens; the teacher's stays as it is. */
export function promptStudentViews(
  documents: readonly TransferDocument[],
  ids: Int32Array,
): readonly TransferDocument[] {
  if (ids.length === 0) return documents;
  return documents.map((document) => ({ ...document, student: prependVirtualTokens(document.student, ids) }));
}
