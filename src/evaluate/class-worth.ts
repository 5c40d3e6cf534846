/** @file Is a teacher of classes any good? Its accuracy beside those whom it should be ahead of, on the same texts. */

import { noTarget } from "../data/batch.js";
import { type Estimate, estimateMean, mean } from "./statistics.js";

export type ClassRivalName = "majority" | "student-before" | "student-after" | "twin";

/** Somebody beside whom the teacher is measured. */
export interface ClassRival {
  readonly name: ClassRivalName;
  readonly accuracy: number;
  /** The teacher's accuracy minus the rival's, resampled in pairs: above 0 the teacher knows more. */
  readonly lead: Estimate;
  /** Texts that the rival puts into their class and the teacher does not. */
  readonly textsAhead: number;
}

/** Labels, and what intervals resample. */
export interface LabelledTexts {
  /** By row the class's number; rows below 0 have no label and take no part. */
  readonly targets: Int32Array;
  /** By row the number of its group, from 0. */
  readonly groups: ArrayLike<number>;
}

/** The accuracy of some answers minus that of others, on the same texts; null where none has a label. */
export function accuracyLead(
  ours: Int32Array,
  theirs: Int32Array,
  { targets, groups }: LabelledTexts,
): Estimate | null {
  const rows = [...targets.keys()].filter((row) => targets[row] !== noTarget);
  const isRight = (answers: Int32Array, row: number) => Number(answers[row] === targets[row]);
  return estimateMean(
    rows.map((row) => isRight(ours, row) - isRight(theirs, row)),
    rows.map((row) => groups[row]!),
  );
}

/**
 * Measures a teacher by answers that are there already.
 *
 * @param teacher - by text the class that it names, like each rival's.
 */
export function measureClassWorth(
  teacher: Int32Array,
  rivals: readonly (readonly [ClassRivalName, Int32Array])[],
  texts: LabelledTexts,
): readonly ClassRival[] {
  const rows = [...texts.targets.keys()].filter((row) => texts.targets[row] !== noTarget);
  return rivals.flatMap(([name, answers]) => {
    const lead = accuracyLead(teacher, answers, texts);
    if (!lead) return [];
    const isRight = (given: Int32Array, row: number) => given[row] === texts.targets[row];
    const accuracy = mean(rows.map((row) => Number(isRight(answers, row))));
    const textsAhead = rows.filter((row) => isRight(answers, row) && !isRight(teacher, row)).length;
    return [{ name, accuracy, lead, textsAhead }];
  });
}

/** The commonest class among labels, as an answer to each of `rows` texts; the first of equals. */
export function majorityAnswers(labels: readonly number[], classes: number, rows: number): Int32Array {
  const counts = new Int32Array(classes);
  for (const label of labels) if (label !== noTarget) counts[label]!++;
  return new Int32Array(rows).fill(counts.indexOf(Math.max(...counts)));
}
