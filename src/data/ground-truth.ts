/** @file Which documents have ground truth, and which rows go to whom: decided by a hash of their content, as held-out rows are. */

import { createHash } from "node:crypto";
import { DataError, show } from "../errors.js";
import { noTarget } from "./batch.js";
import { placeOf, type SourceRow } from "./source-row.js";
import type { TransferDocument } from "./transfer-set.js";

/** All rows, none, a share, or those whose field says so. */
export type GroundTruthRows = "all" | "none" | number | { readonly field: string };

/**
 * Documents whose text is a target, and the others marked as without ground truth. A larger share keeps the rows of a smaller one.
 * A document that is put into a class has ground truth only where its class is known.
 *
 * @throws DataError where a field is named, and true in no row.
 */
export function markGroundTruth(
  documents: readonly TransferDocument[],
  rows: GroundTruthRows,
): readonly TransferDocument[] {
  if (rows === "all") return documents;
  if (typeof rows === "object") {
    if (documents.some(({ hasGroundTruth }) => hasGroundTruth)) return documents;
    throw new DataError(`data: expected "${rows.field}" to be true in some training row, got none.`, {
      hint: 'Name the field that says which rows have ground truth, or set groundTruth.rows to "none".',
    });
  }
  const limit = rows === "none" ? 0 : rows;
  return documents.map((document) => ({
    ...document,
    hasGroundTruth: isInShare(document.origin.key, limit, "ground truth") && document.classified?.target !== noTarget,
  }));
}

/** The rows of a share, and all others. All documents of a row, and all equal rows, are in the same part. */
export function takeShare(
  documents: readonly TransferDocument[],
  share: number,
  purpose: string,
): readonly [taken: readonly TransferDocument[], others: readonly TransferDocument[]] {
  const isTaken = ({ origin }: TransferDocument) => isInShare(origin.key, share, purpose);
  return [documents.filter(isTaken), documents.filter((document) => !isTaken(document))];
}

/** What a row's field says of its ground truth; rows without the field have none. CSV files hold text. */
export function readGroundTruth(row: SourceRow, field: string): boolean {
  const value = row.fields[field];
  if (value === undefined || value === null || value === "") return false;
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw new DataError(`data: ${placeOf(row)}: "${field}" must be true or false, got ${show(value)}.`, {
    hint: `Correct "${field}" in this row.`,
  });
}

/** Whether the row of this key is in the share: its place in an order of its own for every purpose, from 0 to 1, is below it. */
export function isInShare(key: number, share: number, purpose: string): boolean {
  return createHash("sha256").update(`${purpose}:${key}`).digest().readUIntBE(0, 6) / 2 ** 48 < share;
}
