/** @file Documents to the arrays of a batch: both sides' tokens in rectangles, and the rows that are scored. The shift is done here, once. */

import { internalError } from "../errors.js";
import type { DistillationBatch, ResponseRows, TokenBatch } from "./batch.js";
import { packFirstFit } from "./pack.js";
import type { Layout } from "./plan.js";
import type { Span, TransferDocument } from "./transfer-set.js";

/**
 * Makes a batch of some sequences of a plan.
 *
 * The student's rectangle has one line per sequence, `sequenceLength` wide when packing, else as wide as the longest. Where the
 * teacher sees other tokens, its view of the same documents is packed on its own, as wide as its longest document needs. Padding
 * has id 0 and document −1: it is told by its place, never by its id.
 *
 * @param documents - the whole set; `sequences` holds indices into it.
 * @param layout - the plan that the sequences are from.
 */
export function makeBatch(
  documents: readonly TransferDocument[],
  sequences: readonly (readonly number[])[],
  layout: Layout,
): DistillationBatch {
  const student = fillRectangle(sequences, (index) => documents[index]!.student, layout);
  const chosen = sequences.flat();
  const hasOneView = chosen.every((index) => documents[index]!.teacher === documents[index]!.student);
  const teacher = hasOneView
    ? student
    : fillRectangle(packTeacher(documents, chosen, layout), (index) => documents[index]!.teacher, layout);
  return {
    student: student.tokens,
    teacher: teacher.tokens,
    rows: tieRows(documents, chosen, student, teacher),
    documents,
  };
}

interface Rectangle {
  readonly tokens: TokenBatch;
  /** Flat index of each document's first token. */
  readonly starts: ReadonlyMap<number, number>;
}

function packTeacher(documents: readonly TransferDocument[], chosen: readonly number[], layout: Layout): number[][] {
  if (!layout.packing) return chosen.map((index) => [index]);
  const lengths = chosen.map((index) => documents[index]!.teacher.ids.length);
  const capacity = lengths.reduce((most, length) => Math.max(most, length), layout.sequenceLength);
  return packFirstFit(lengths, capacity).map((items) => items.map((item) => chosen[item]!));
}

function fillRectangle(
  sequences: readonly (readonly number[])[],
  spanOf: (index: number) => Span,
  layout: Layout,
): Rectangle {
  let width = layout.packing ? layout.sequenceLength : 0;
  for (const sequence of sequences) {
    width = Math.max(
      width,
      sequence.reduce((sum, index) => sum + spanOf(index).ids.length, 0),
    );
  }
  const size = sequences.length * width;
  const ids = new Int32Array(size);
  const positions = new Int32Array(size);
  const documents = new Int32Array(size).fill(-1);
  const starts = new Map<number, number>();
  for (const [line, sequence] of sequences.entries()) {
    let at = line * width;
    for (const [number, index] of sequence.entries()) {
      const span = spanOf(index);
      starts.set(index, at);
      ids.set(span.ids, at);
      for (let i = 0; i < span.ids.length; i++) positions[at + i] = i;
      documents.fill(number, at, at + span.ids.length);
      at += span.ids.length;
    }
  }
  return { tokens: { sequences: sequences.length, tokens: width, ids, positions, documents }, starts };
}

/** Position i − 1 scores token i, on both sides; a document that is put into a class has one row. */
function tieRows(
  documents: readonly TransferDocument[],
  chosen: readonly number[],
  student: Rectangle,
  teacher: Rectangle,
): ResponseRows {
  const ordered = [...chosen].sort((a, b) => a - b);
  const classes = documents[ordered[0] ?? 0]?.classified?.probabilities?.length ?? 0;
  const count = ordered.reduce((sum, index) => sum + documents[index]!.responseTokens, 0);
  const hasTargetWeights = ordered.some((index) => targetShare(documents[index]!) !== 1);
  const rows = {
    count,
    studentIndex: new Int32Array(count),
    teacherIndex: new Int32Array(count),
    targetIds: new Int32Array(count),
    weights: new Float32Array(count),
    targetWeights: hasTargetWeights ? new Float32Array(count) : undefined,
    documents: new Int32Array(count),
    ...(classes > 0 && { probabilities: new Float32Array(count * classes) }),
    offsets: new Int32Array(count),
  };
  let row = 0;
  for (const index of ordered) {
    const document = documents[index]!;
    const { classified } = document;
    const { weight = 1 } = document.origin;
    rows.weights.fill(weight, row, row + document.responseTokens);
    rows.targetWeights?.fill(weight * targetShare(document), row, row + document.responseTokens);
    if (classified) {
      rows.studentIndex[row] = student.starts.get(index)! + classified.studentPosition;
      rows.teacherIndex[row] = teacher.starts.get(index)! + classified.teacherPosition;
      rows.targetIds[row] = classified.target;
      rows.documents[row] = index;
      rows.probabilities?.set(classified.probabilities!, row * classes);
      row++;
      continue;
    }
    const from = row;
    row = eachLearned(document.student, from, (at, i) => {
      rows.studentIndex[at] = student.starts.get(index)! + i - 1;
      rows.targetIds[at] = document.student.ids[i]!;
      rows.documents[at] = index;
      rows.offsets[at] = at - from;
    });
    const end = eachLearned(document.teacher, from, (at, i) => {
      rows.teacherIndex[at] = teacher.starts.get(index)! + i - 1;
      if (document.teacher.ids[i] !== rows.targetIds[at])
        throw internalError("a document's two views learn different ids", { index });
    });
    if (end !== row) throw internalError("a document's two views learn different counts of tokens", { index });
  }
  return rows;
}

/** What a document's weight is multiplied by in terms that look at its targets. */
function targetShare({ hasGroundTruth = true, classified }: TransferDocument): number {
  return hasGroundTruth ? (classified?.classWeight ?? 1) : 0;
}

/** Visits a span's learned tokens with the rows from `from` on; returns the row after the last. */
function eachLearned(span: Span, from: number, visit: (row: number, token: number) => void): number {
  let row = from;
  for (let i = 1; i < span.ids.length; i++) if (span.responseMask[i] === 1) visit(row++, i);
  return row;
}
