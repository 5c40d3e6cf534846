/** @file A config's `data:` section to documents: training rows and held-out rows, read, encoded and split. */

import { type EncodingProgress, encodeRows, type RowEncoding } from "./encode-rows.js";
import { type DataOptions, defaultHeldOutFraction } from "./options.js";
import { readRows } from "./read-rows.js";
import { expectWeights, weighRows } from "./row-weights.js";
import type { SourceRow } from "./source-row.js";
import { countSharedRows, splitHeldOut } from "./split.js";
import { type TransferDocument, type TransferReport, type TransferSet, warnAboutRows } from "./transfer-set.js";

/** Training and held-out documents with what a user should know about them. */
export interface LoadedData {
  readonly train: readonly TransferDocument[];
  /** Empty when `heldOutFraction` is 0. */
  readonly heldOut: readonly TransferDocument[];
  readonly report: { readonly train: TransferReport; readonly heldOut: TransferReport | undefined };
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

/**
 * Reads and encodes the rows that a config names.
 *
 * @throws DataError for what cannot be read or used; see {@link readRows}, {@link encodeRows} and {@link splitHeldOut}.
 */
export async function loadData(
  options: DataOptions,
  encoding: RowEncoding,
  onProgress?: (progress: EncodingProgress) => void,
): Promise<LoadedData> {
  const { weightField } = options;
  const encode = async (rows: AsyncIterable<SourceRow>): Promise<TransferSet> => {
    let weightlessRows = 0;
    const weighed = weighRows(rows, weightField, () => weightlessRows++);
    const { documents, report } = await encodeRows(weighed, encoding, onProgress);
    return { documents, report: { ...report, ...(weightlessRows > 0 && { weightlessRows }) } };
  };
  const all = await encode(expectWeights(readRows(options.train), weightField));
  if (options.heldOut === undefined) {
    const split = splitHeldOut(all.documents, options.heldOutFraction ?? defaultHeldOutFraction);
    return { ...split, report: { train: all.report, heldOut: undefined }, warnings: warnAboutRows(all.report) };
  }
  const heldOut = await encode(readRows(options.heldOut));
  const warnings = [...warnAboutRows(all.report), ...warnAboutRows(heldOut.report)];
  const overlap = countSharedRows(all.documents, heldOut.documents);
  if (overlap.shared > 0) {
    warnings.push({
      code: "held-out-rows-in-train",
      message: `${overlap.shared} of ${overlap.heldOut} held-out rows are training rows too: what is measured on them says little about new text.`,
    });
  }
  return {
    train: all.documents,
    heldOut: heldOut.documents,
    report: { train: all.report, heldOut: heldOut.report },
    warnings,
  };
}
