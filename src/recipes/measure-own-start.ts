/** @file What a run's student is before it is trained, told before the first step. */

import { measureStart } from "../evaluate/measure-start.js";
import { packBatches } from "../evaluate/score-batches.js";
import { countParameters } from "../models/architecture.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import { widestBatch } from "../training/train-student.js";
import type { RecipeContext, RunEvent } from "./recipe.js";
import type { CommonConfig, RunParts } from "./run-parts.js";
import { sampleDocuments } from "./student-from-teacher.js";

/** Held-out tokens on which the start is measured; the report measures it on all. */
const sampleTokens = 2048;

export type StartEvent = Extract<RunEvent, { readonly type: "start" }>;

/** Measures the student; undefined where no row is held out. */
export async function measureOwnStart(
  { config, signal }: RecipeContext<CommonConfig>,
  { student, data }: RunParts,
  teacher: TeacherSource | undefined,
  threads: number,
): Promise<StartEvent | undefined> {
  const { sequenceLength } = config.data;
  const sample = sampleDocuments(data.heldOut, sampleTokens);
  if (sample.length === 0) return undefined;
  const batches = packBatches(sample, { sequenceLength, batchTokens: config.training.microBatchTokens });
  const { architecture, shape } = student.model;
  const parameters = countParameters(architecture.parameters(shape));
  const positionCount = widestBatch(sample, sequenceLength);
  return {
    type: "start",
    origin: student.origin,
    parameters,
    trainedParameters: student.trainedParameters ?? parameters,
    bytes: 4 * parameters,
    ...(await measureStart(await student.start(), batches, { positionCount, threads, teacher, signal })),
  };
}
