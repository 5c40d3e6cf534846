/** @file Held-out documents scored by their logits, beside a reference: the same numbers as `scoreModel`, for files of any maker. */

import type { Span, TransferDocument } from "../data/transfer-set.js";
import { DataError, InterruptedError } from "../errors.js";
import type { BatchScores, ScoringOptions } from "../evaluate/score-batches.js";
import { compareLogits, logProbOf } from "./compare-logits.js";
import type { RowLogits } from "./row-logits.js";

/** A model to compare with, and which view of a document it reads. */
export interface Reference {
  readonly logits: RowLogits;
  readonly side: "student" | "teacher";
}

/** Every response row of the documents. */
export async function scoreDocuments(
  documents: readonly TransferDocument[],
  model: RowLogits,
  reference: Reference | undefined,
  { signal, onProgress }: ScoringOptions = {},
): Promise<BatchScores> {
  const count = documents.reduce((sum, { responseTokens }) => sum + responseTokens, 0);
  const column = () => new Float32Array(count);
  const [targetLogProbs, kl, agreement, teacherTargetLogProbs] = [column(), column(), column(), column()];
  const [rowDocuments, positions] = [new Int32Array(count), new Int32Array(count)];
  let row = 0;
  for (const [index, document] of documents.entries()) {
    if (signal?.aborted) throw new InterruptedError("evaluate: stopped before all rows were scored.");
    const { ids } = document.student;
    const before = placesBeforeLearned(document.student);
    const others = reference && readRows(reference, document);
    let place = 0;
    for await (const logits of model.read(ids, before)) {
      const at = before[place++]! + 1;
      const other = (await others?.next())?.value;
      if (other) {
        const compared = compareLogits(other, logits, ids[at]!);
        targetLogProbs[row] = compared.targetLogProb;
        kl[row] = compared.kl;
        agreement[row] = compared.agrees ? 1 : 0;
        teacherTargetLogProbs[row] = compared.referenceTargetLogProb;
      } else {
        targetLogProbs[row] = logProbOf(logits, ids[at]!);
      }
      rowDocuments[row] = index;
      positions[row++] = at;
    }
    onProgress?.(row, count);
  }
  const compared = reference ? { kl, agreement, teacherTargetLogProbs } : nothingCompared;
  return { count, targetLogProbs, objective: undefined, ...compared, documents: rowDocuments, positions };
}

const nothingCompared = { kl: undefined, agreement: undefined, teacherTargetLogProbs: undefined };

function readRows({ logits, side }: Reference, document: TransferDocument): AsyncGenerator<Float32Array, void> {
  return logits.read(document[side].ids, placesBeforeLearned(document[side]));
}

/** Position i − 1 predicts token i. */
function placesBeforeLearned({ responseMask }: Span): Int32Array {
  return Int32Array.from(
    Array.from(responseMask.keys()).filter((i) => responseMask[i] === 1),
    (i) => i - 1,
  );
}

/**
 * Some of the documents, evenly spread, of about so many tokens in all.
 *
 * @throws DataError where there is none, or none is short enough for the model.
 */
export function chooseDocuments(
  documents: readonly TransferDocument[],
  { mostTokens, longest }: { readonly mostTokens: number; readonly longest: number },
): readonly TransferDocument[] {
  const fitting = documents.filter(
    ({ student, teacher }) => Math.max(student.ids.length, teacher.ids.length) <= longest,
  );
  if (fitting.length === 0) {
    throw new DataError(
      `held-out rows: expected some of at most ${longest} tokens, got ${documents.length === 0 ? "none" : "only longer ones"}.`,
      { hint: "Name a file of rows with --data." },
    );
  }
  const total = fitting.reduce((sum, { student }) => sum + student.ids.length, 0);
  const every = Math.max(1, total / mostTokens);
  const count = Math.max(1, Math.floor(fitting.length / every));
  return Array.from({ length: count }, (_, i) => fitting[Math.floor((i * fitting.length) / count)]!);
}
