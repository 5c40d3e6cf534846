/** @file What a run's student is before it is trained, and whether its teacher knows more, told before the first step. */

import { measureStart } from "../evaluate/measure-start.js";
import { packBatches } from "../evaluate/score-batches.js";
import { countParameters } from "../models/architecture.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import { widestBatch } from "../training/train-student.js";
import type { RecipeContext, RunEvent } from "./recipe.js";
import type { CommonConfig, RunParts } from "./run-parts.js";
import { sampleDocuments } from "./student-from-teacher.js";
import { warnAboutTeacher, worthOf } from "./teacher-worth.js";

/** Held-out tokens on which the start is measured; the report measures it on all. */
export const ownStartTokens = 2048;

/** Measures the student, and warns of a teacher that is not ahead of it; nothing where no row is held out. */
export async function measureOwnStart(
  { config, signal }: RecipeContext<CommonConfig>,
  parts: RunParts,
  teacher: TeacherSource | undefined,
  threads: number,
): Promise<readonly RunEvent[]> {
  const { student, data } = parts;
  const { sequenceLength } = config.data;
  const sample = sampleDocuments(data.heldOut, ownStartTokens);
  if (sample.length === 0) return [];
  const batches = packBatches(sample, { sequenceLength, batchTokens: config.training.microBatchTokens });
  const { architecture, shape } = student.model;
  const parameters = countParameters(architecture.parameters(shape));
  const positionCount = widestBatch(sample, sequenceLength);
  const options = { positionCount, threads, teacher, signal };
  const { measure, scores } = await measureStart(await student.start(), batches, options);
  const trainedParameters = student.trainedParameters ?? parameters;
  const { origin } = student;
  const isClassifier = shape.classHead !== undefined; // whose report says by itself what the teacher is worth
  const warnings = isClassifier ? [] : warnAboutTeacher(worthOf(parts, sample, { "student-before": scores }));
  return [
    { type: "start", origin, parameters, trainedParameters, bytes: 4 * parameters, ...measure },
    ...warnings.map((warning) => ({ type: "warning" as const, ...warning })),
  ];
}
