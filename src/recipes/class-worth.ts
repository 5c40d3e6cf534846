/** @file Whether a run's teacher of classes should teach: in the report on all held-out texts, and before a run on some of them. */

import type { ClassData } from "../data/class-documents.js";
import { createRandom, shuffle } from "../data/random.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { answersOf, answersOfStudent } from "../evaluate/class-probabilities.js";
import {
  type ClassRival,
  type ClassRivalName,
  type LabelledTexts,
  majorityAnswers,
  measureClassWorth,
} from "../evaluate/class-worth.js";
import { type ClassProbabilities, likeliestClasses } from "../evaluate/classification.js";
import { packBatches } from "../evaluate/score-batches.js";
import type { ClassTeacher } from "../teachers/class-teacher.js";
import { widestBatch } from "../training/train-student.js";
import type { ClassificationConfig } from "./classification-options.js";
import type { RunParts } from "./run-parts.js";

/** Held-out texts on which a teacher is measured before it teaches. */
const sampleTexts = 200;

/** A teacher's worth by answers that are there. */
export function classWorthOf(
  taught: ClassProbabilities,
  students: Readonly<Partial<Record<Exclude<ClassRivalName, "majority">, ClassProbabilities>>>,
  train: readonly TransferDocument[],
  texts: LabelledTexts,
): readonly ClassRival[] {
  const labels = train.map(({ classified }) => classified!.target);
  const majority = majorityAnswers(labels, taught.classes, texts.targets.length);
  const rivals = Object.entries(students).map(([name, answers]) => {
    return [name as ClassRivalName, likeliestClasses(answers)] as const;
  });
  return measureClassWorth(likeliestClasses(taught), [["majority", majority], ...rivals], texts);
}

/** Measures the teacher beside the student's start and the commonest class on a sample; nothing without a teacher or labels. */
export async function sampleClassWorth(
  { data: { sequenceLength }, training }: ClassificationConfig,
  { student, data, classData, makeTeacher }: RunParts & { readonly classData: Pick<ClassData, "heldOutGroups"> },
  threads: number,
): Promise<readonly ClassRival[]> {
  const order = [...data.heldOut.keys()];
  shuffle(order, createRandom(0));
  const rows = order.slice(0, sampleTexts);
  const sample = rows.map((row) => data.heldOut[row]!);
  const positionCount = widestBatch(sample, sequenceLength);
  const source = (await makeTeacher?.({ positionCount, threads })) as ClassTeacher | undefined;
  if (!source || sample.length === 0) return [];
  try {
    const batches = packBatches(sample, { sequenceLength, batchTokens: training.microBatchTokens });
    const options = { documents: sample.length, positionCount, threads };
    const taught = await answersOf(source, batches, options);
    const before = await answersOfStudent(await student.start(), batches, options);
    const texts = {
      targets: Int32Array.from(sample, ({ classified }) => classified!.target),
      groups: rows.map((row) => classData.heldOutGroups[row]!),
    };
    return classWorthOf(taught, { "student-before": before }, data.train, texts);
  } finally {
    await source.dispose();
  }
}
