/** @file The positions of a batch that two models can be compared at, layer by layer, laid out so that pairs of one document meet. */

import type { Feeds } from "../runtime/executor.js";
import { int32Tensor } from "../runtime/tensor.js";
import type { DistillationBatch } from "./batch.js";

/**
 * A place is a position that both sides have: every position up to a document's last response row where both read the same
 * tokens, else its response rows alone. Each line holds the places of one of the student's sequences, and is filled up with places
 * of document −1. All arrays are `[sequences, places]` unless said.
 */
export interface ComparedPlaces {
  readonly sequences: number;
  readonly places: number;
  /** Flat index into the student's positions; 0 where filled up. */
  readonly studentIndex: Int32Array;
  /** Flat index into the teacher's positions; 0 where filled up. */
  readonly teacherIndex: Int32Array;
  /** The position within the student's document. */
  readonly positions: Int32Array;
  /** Which document of the sequence; −1 where filled up. */
  readonly documents: Int32Array;
  /** 1 where the place is a response row. */
  readonly isRow: Int32Array;
  /** The flat place of every response row, `[rows]`. */
  readonly rowPlace: Int32Array;
}

interface Place {
  readonly student: number;
  readonly teacher: number;
  readonly row: number | undefined;
}

export function comparedPlaces({ student, teacher, rows, documents }: DistillationBatch): ComparedPlaces {
  const lines: Place[][] = Array.from({ length: student.sequences }, () => []);
  for (let from = 0, to = 0; from < rows.count; from = to) {
    const index = rows.documents[from]!;
    while (to < rows.count && rows.documents[to] === index) to++;
    const line = lines[Math.floor(rows.studentIndex[from]! / student.tokens)]!;
    const [own, other] = [rows.studentIndex[from]!, rows.teacherIndex[from]!];
    if (documents[index]!.student !== documents[index]!.teacher) {
      for (let row = from; row < to; row++) {
        line.push({ student: rows.studentIndex[row]!, teacher: rows.teacherIndex[row]!, row });
      }
      continue;
    }
    const [start, teacherStart] = [own - student.positions[own]!, other - teacher.positions[other]!];
    for (let at = start, row = from; row < to; at++) {
      const isRow = rows.studentIndex[row] === at;
      line.push({ student: at, teacher: teacherStart + at - start, row: isRow ? row : undefined });
      if (isRow) row++;
    }
  }
  return rectangle(lines, student.positions, student.documents, rows.count);
}

function rectangle(
  lines: readonly (readonly Place[])[],
  positions: Int32Array,
  documents: Int32Array,
  rows: number,
): ComparedPlaces {
  const places = lines.reduce((most, { length }) => Math.max(most, length), 1);
  const size = lines.length * places;
  const made = {
    sequences: lines.length,
    places,
    studentIndex: new Int32Array(size),
    teacherIndex: new Int32Array(size),
    positions: new Int32Array(size),
    documents: new Int32Array(size).fill(-1),
    isRow: new Int32Array(size),
    rowPlace: new Int32Array(rows),
  };
  for (const [line, members] of lines.entries()) {
    for (const [i, { student, teacher, row }] of members.entries()) {
      const at = line * places + i;
      made.studentIndex[at] = student;
      made.teacherIndex[at] = teacher;
      made.positions[at] = positions[student]!;
      made.documents[at] = documents[student]!;
      if (row === undefined) continue;
      made.isRow[at] = 1;
      made.rowPlace[row] = at;
    }
  }
  return made;
}

/** `places.index` (the student's), `places.positions`, `places.documents`, `places.isRow`, and `rowPlace` in the rows' chunks. */
export function placeFeeds(batch: DistillationBatch, chunks: number, chunkRows: number): Feeds {
  const { sequences, places, studentIndex, positions, documents, isRow, rowPlace } = comparedPlaces(batch);
  const laidOut = (values: Int32Array) => int32Tensor([sequences, places], values);
  const padded = new Int32Array(chunks * chunkRows);
  padded.set(rowPlace);
  return {
    "places.index": laidOut(studentIndex),
    "places.positions": laidOut(positions),
    "places.documents": laidOut(documents),
    "places.isRow": laidOut(isRow),
    rowPlace: int32Tensor([chunks, chunkRows], padded),
  };
}
