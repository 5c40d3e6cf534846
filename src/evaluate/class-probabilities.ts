/** @file What models say of documents: the probability of each class, and how two models compare. */

import type { DistillationBatch } from "../data/batch.js";
import { InterruptedError } from "../errors.js";
import { type ClassTeacher, makeClassTeacher } from "../teachers/class-teacher.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { type ClassProbabilities, likeliestClasses } from "./classification.js";
import { type Estimate, estimateMean } from "./statistics.js";

/** Of how many documents. */
export interface AnswerOptions {
  readonly documents: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a teacher says of all documents of the batches. */
export async function answersOf(
  teacher: ClassTeacher,
  batches: readonly DistillationBatch[],
  { documents, signal }: AnswerOptions,
): Promise<ClassProbabilities> {
  const classes = teacher.form.headWidth;
  const probabilities = new Float64Array(documents * classes);
  for (const batch of batches) {
    if (signal?.aborted) throw new InterruptedError("evaluate: stopped before all texts were read.");
    const { logits } = await teacher.signal(batch);
    for (const [row, document] of batch.rows.documents.entries()) {
      probabilities.set(softmax(logits.subarray(row * classes, (row + 1) * classes)), document * classes);
    }
  }
  return { classes, probabilities };
}

/** What a classifier says of all documents of the batches, as the student sees them. */
export async function answersOfStudent(
  model: ModelWithWeights,
  batches: readonly DistillationBatch[],
  options: AnswerOptions & { readonly positionCount: number; readonly threads: number },
): Promise<ClassProbabilities> {
  const outputs = model.shape.classHead!.classes.map((_, i) => i);
  const { positionCount, threads } = options;
  const reader = await makeClassTeacher(model, { positionCount, threads, outputs });
  try {
    return await answersOf(reader, batches.map(asTeacher), options);
  } finally {
    await reader.dispose();
  }
}

/** The batch with the student's view in the teacher's place. */
export function asTeacher(batch: DistillationBatch): DistillationBatch {
  return { ...batch, teacher: batch.student, rows: { ...batch.rows, teacherIndex: batch.rows.studentIndex } };
}

/** Probabilities in float64. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = values.map((logit) => Math.exp(logit - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** How a model's answers compare with a teacher's, on all documents. */
export interface AnswerComparison {
  /** Share of texts that both put into the same class. */
  readonly agreement: Estimate | null;
  /** KL(teacher ‖ model) in nats per text. */
  readonly kl: Estimate | null;
}

/** @param groups - by row the number of its group, from 0, which intervals resample; every row by itself where left out. */
export function compareAnswers(
  teacher: ClassProbabilities,
  model: ClassProbabilities,
  groups?: ArrayLike<number>,
): AnswerComparison {
  const [theirs, ours] = [likeliestClasses(teacher), likeliestClasses(model)];
  const rows = Array.from(theirs.keys());
  const clusters = groups ?? rows;
  const divergences = rows.map((row) => {
    let sum = 0;
    for (let i = row * teacher.classes; i < (row + 1) * teacher.classes; i++) {
      const [p, q] = [teacher.probabilities[i]!, model.probabilities[i]!];
      if (p > 0) sum += p * Math.log(p / Math.max(q, 1e-30));
    }
    return sum;
  });
  return {
    agreement: estimateMean(
      rows.map((row) => Number(theirs[row] === ours[row])),
      clusters,
    ),
    kl: estimateMean(divergences, clusters),
  };
}
