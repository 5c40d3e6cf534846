/** @file A context that begins every document: what it is, and what is left of a batch when it was read before. */

import type { DistillationBatch, TokenBatch } from "../data/batch.js";
import { sharedPrefixLength } from "../data/shared-prefix.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { internalError } from "../errors.js";

/** A shorter prefix costs more to keep apart than to read again. */
const shortestPrefix = 32;

/**
 * What the teacher's views of all documents begin with, up to the last token before the first response; undefined where that is too
 * little to be worth reading apart.
 */
export function teacherPrefix(documents: readonly TransferDocument[]): Int32Array | undefined {
  if (documents.length < 2) return undefined;
  // The token before a response scores its first one, and so must be read with it.
  const limit = documents.reduce(
    (least, { teacher }) => Math.min(least, teacher.responseMask.indexOf(1) - 1),
    Number.POSITIVE_INFINITY,
  );
  const views = documents.map(({ teacher }) => teacher.ids);
  const length = sharedPrefixLength(views, Math.max(0, limit));
  return length < shortestPrefix ? undefined : views[0]!.slice(0, length);
}

/** The teacher's tokens behind the prefix, and where the response rows are among them. */
export interface CutBatch {
  readonly tokens: TokenBatch;
  /** `[rows]`, flat indices into the positions of `tokens`. */
  readonly rowIndex: Int32Array;
}

/** Takes the prefix out of every document of a batch's teacher side; positions stay what they were. */
export function cutPrefix({ teacher, rows }: DistillationBatch, prefix: Int32Array): CutBatch {
  const { sequences, tokens: wide, ids, positions, documents } = teacher;
  /** By position in the batch: its place in its line behind the cuts, −1 where it is cut or padding. */
  const places = new Int32Array(sequences * wide).fill(-1);
  let width = 1;
  for (let line = 0; line < sequences; line++) {
    let place = 0;
    for (let i = line * wide; i < (line + 1) * wide; i++) {
      if (documents[i]! < 0) continue;
      if (positions[i]! >= prefix.length) places[i] = place++;
      else if (ids[i] !== prefix[positions[i]!])
        throw internalError("a document does not begin with the shared prefix");
    }
    width = Math.max(width, place);
  }
  const size = sequences * width;
  const cut = { ids: new Int32Array(size), positions: new Int32Array(size), documents: new Int32Array(size).fill(-1) };
  const placeOf = (i: number) => Math.floor(i / wide) * width + places[i]!;
  for (const [i, place] of places.entries()) {
    if (place < 0) continue;
    const to = placeOf(i);
    cut.ids[to] = ids[i]!;
    cut.positions[to] = positions[i]!;
    cut.documents[to] = documents[i]!;
  }
  return { tokens: { sequences, tokens: width, ...cut }, rowIndex: rows.teacherIndex.map(placeOf) };
}
