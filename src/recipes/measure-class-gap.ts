/** @file Weak classifier, students and ceiling on the same held-out texts: the gap in accuracy that each student recovers, and whose mistakes it learned. */

import { noTarget } from "../data/batch.js";
import type { ClassData } from "../data/class-documents.js";
import { answersOf, answersOfStudent } from "../evaluate/class-probabilities.js";
import { type ClassProbabilities, likeliestClasses, measureClasses } from "../evaluate/classification.js";
import { performanceGap } from "../evaluate/performance-gap.js";
import { packBatches } from "../evaluate/score-batches.js";
import { type Estimate, estimateMean } from "../evaluate/statistics.js";
import type { ClassifierPerformance, StrongPerformance, WeakClassifiersReport } from "../report/weak-classifiers.js";
import type { ClassTeacher } from "../teachers/class-teacher.js";
import { widestBatch } from "../training/train-student.js";
import { loadModelFolder } from "../weights/load-model.js";
import type { MeasuredModel } from "./measure-gap.js";
import type { RecipeContext } from "./recipe.js";
import type { CommonConfig } from "./run-parts.js";
import type { TrainedStudents } from "./train-students.js";

type Gap = Omit<WeakClassifiersReport, "trainingRows" | "groundTruthRows" | "weakTrainingRows">;

export interface MeasuredClassifiers extends Pick<TrainedStudents, "students" | "ceiling"> {
  readonly weak: Pick<MeasuredModel, "name" | "path">;
  /** The weak teacher, compiled. */
  readonly source: ClassTeacher;
}

/** @param classData - with at least one held-out text that has a label. */
export async function measureClassGap(
  { config, emit, signal }: RecipeContext<CommonConfig>,
  { weak, source, students, ceiling }: MeasuredClassifiers,
  { heldOut, heldOutGroups: groups }: ClassData,
  threads: number,
): Promise<Gap> {
  const { sequenceLength } = config.data;
  const batches = packBatches(heldOut, { sequenceLength, batchTokens: config.training.microBatchTokens });
  const options = { documents: heldOut.length, signal };
  const positionCount = widestBatch(heldOut, sequenceLength);
  const targets = Int32Array.from(heldOut, ({ classified }) => classified!.target);
  const labelled = Array.from(targets.keys()).filter((row) => targets[row] !== noTarget);
  const answersOfModel = async ({ name, folder }: MeasuredModel): Promise<ClassProbabilities> => {
    emit({ type: "phase", phase: "evaluating", message: `measuring ${name} on the labels of held-out texts` });
    return answersOfStudent(await loadModelFolder(folder), batches, { ...options, positionCount, threads });
  };
  const weakAnswers = await answersOf(source, batches, options);
  const ceilingAnswers = await answersOfModel(ceiling);

  const isRight = (answers: ClassProbabilities) => {
    const answered = likeliestClasses(answers);
    return labelled.map((row) => Number(answered[row] === targets[row]));
  };
  const [weakIsRight, ceilingIsRight] = [isRight(weakAnswers), isRight(ceilingAnswers)];
  const gapOf = (answers: ClassProbabilities) =>
    performanceGap({
      weak: weakIsRight,
      student: isRight(answers),
      ceiling: ceilingIsRight,
      clusters: labelled.map((row) => groups[row]!),
    })!;
  const performance = (
    { name, path }: Pick<MeasuredModel, "name" | "path">,
    answers: ClassProbabilities,
  ): ClassifierPerformance => {
    const { accuracy, macroF1 } = measureClasses(answers, targets, groups)!;
    return { name, path, accuracy, macroF1 };
  };
  const weakClasses = likeliestClasses(weakAnswers);
  const agreementOf = (answers: ClassProbabilities): StrongPerformance["agreement"] => {
    const own = likeliestClasses(answers);
    const among = (chosen: readonly number[]): Estimate | null =>
      estimateMean(
        chosen.map((row) => Number(own[row] === weakClasses[row])),
        chosen.map((row) => groups[row]!),
      );
    return {
      all: among(labelled)!,
      weakIsRight: among(labelled.filter((row) => weakClasses[row] === targets[row])),
      weakIsWrong: among(labelled.filter((row) => weakClasses[row] !== targets[row])),
    };
  };
  const strong = (model: MeasuredModel, answers: ClassProbabilities): StrongPerformance => {
    return { ...performance(model, answers), agreement: agreementOf(answers) };
  };
  const taught: WeakClassifiersReport["students"][number][] = [];
  for (const student of students) {
    const answers = await answersOfModel(student);
    taught.push({ ...strong(student, answers), weakWeight: student.weakWeight, recovered: gapOf(answers).recovered });
  }
  return {
    texts: labelled.length,
    weakMistakes: weakIsRight.filter((right) => right === 0).length,
    weak: performance(weak, weakAnswers),
    ceiling: strong(ceiling, ceilingAnswers),
    gap: gapOf(ceilingAnswers).gap,
    students: taught,
  };
}
