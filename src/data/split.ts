/** @file Which rows are held out: decided by a hash of their content, so that it does not depend on their order or on each other. */

import { DataError } from "../errors.js";
import type { TransferDocument } from "./transfer-set.js";

/** A set of documents in two parts. */
export interface DocumentSplit {
  readonly train: TransferDocument[];
  readonly heldOut: TransferDocument[];
}

/**
 * Holds out the rows whose content hashes below `fraction`.
 *
 * All documents of a row, and all equal rows, land on the same side. Each side gets at least one row: where the hashes give
 * it none, the row with the smallest hash is held out, or the one with the largest kept.
 *
 * @param fraction - expected share of the rows, in [0, 1); 0 holds out nothing.
 * @throws DataError when `fraction` is above 0 and all rows are equal.
 */
export function splitHeldOut(documents: readonly TransferDocument[], fraction: number): DocumentSplit {
  if (fraction === 0) return { train: [...documents], heldOut: [] };
  let smallest = 2 ** 48;
  let largest = -1;
  for (const { origin } of documents) {
    if (origin.key < smallest) smallest = origin.key;
    if (origin.key > largest) largest = origin.key;
  }
  if (smallest >= largest) {
    throw new DataError(
      `data: holding out rows needs at least two different rows, got ${documents.length > 0 ? 1 : 0}.`,
      {
        hint: "Set data.heldOut to a file of its own, data.heldOutFraction to 0, or split the text into several rows.",
      },
    );
  }
  const limit = Math.min(Math.max(fraction * 2 ** 48, smallest + 1), largest);
  const isHeldOut = ({ origin }: TransferDocument): boolean => origin.key < limit;
  return { train: documents.filter((document) => !isHeldOut(document)), heldOut: documents.filter(isHeldOut) };
}

/** Counts the different held-out rows that are training rows as well. All of them: the files are the same, or nearly. */
export function countSharedRows(
  train: readonly TransferDocument[],
  heldOut: readonly TransferDocument[],
): { readonly shared: number; readonly heldOut: number } {
  const trained = new Set(train.map(({ origin }) => origin.key));
  const held = new Set(heldOut.map(({ origin }) => origin.key));
  return { shared: [...held].filter((key) => trained.has(key)).length, heldOut: held.size };
}
