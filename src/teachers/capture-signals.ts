/** @file A teacher's signals of documents, asked for once and kept in a capture. */

import type { TransferDocument } from "../data/transfer-set.js";
import { type CaptureFolder, codecOf, documentKey, fillCapture, planBlocks } from "../signals/cache/index.js";
import type { StoredDocument } from "../signals/cache/shard.js";
import type { TeacherSource } from "../signals/teacher-signal.js";

export interface CaptureOptions {
  /** Opens the teacher; called when the first block that is missing is made, and never where all are there. */
  readonly open: (positionCount: number) => Promise<TeacherSource>;
  readonly signal?: AbortSignal | undefined;
  /** Called with the share of the blocks that is there. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Fills a capture with what the teacher says of documents.
 *
 * @param documents - those that the capture was described with, in their order.
 * @returns about how many the teacher was asked now; the others were there, or another process asked.
 */
export async function captureSignals(
  capture: CaptureFolder,
  documents: readonly TransferDocument[],
  { open, signal, onProgress }: CaptureOptions,
): Promise<number> {
  const plan = planBlocks(documents);
  const codec = codecOf(capture.description.stored);
  let teacher: TeacherSource | undefined;
  let asked = 0;
  const make = async (block: number): Promise<readonly StoredDocument[]> => {
    teacher ??= await open(plan.positionCount);
    const batch = plan.batch(block);
    const said = await teacher.signal(batch);
    const { rows } = batch;
    const stored: StoredDocument[] = [];
    for (let from = 0; from < rows.count; ) {
      const document = batch.documents[rows.documents[from]!]!;
      const to = from + document.responseTokens;
      stored.push({ key: documentKey(document), rows: to - from, planes: codec.encode(said, from, to) });
      from = to;
    }
    asked += stored.length;
    return stored;
  };
  try {
    await fillCapture(capture, make, { signal, onProgress: (done) => onProgress?.(done, plan.blocks) });
  } finally {
    await teacher?.dispose();
  }
  return asked;
}
