/** @file How large a batch a run's teacher reads: its prompts may be longer than the student's, and its tokens others. */

import { type LoadedData, makeBatch } from "../data/index.js";
import { cutPrefix, teacherPrefix } from "../teachers/shared-prefix.js";
import { planSteps, sequencesIn } from "../training/steps.js";
import type { CommonConfig } from "./run-parts.js";

/** The rectangle of token ids that a teacher reads at once. */
export interface TeacherBatch {
  readonly sequences: number;
  readonly tokens: number;
}

/** Micro-batches that are looked at: batches of one set are much alike. */
const looked = 32;

/** The largest of the first micro-batches; a prefix that all documents share is read apart. */
export function largestTeacherBatch(
  { data: options, training }: Pick<CommonConfig, "data" | "training">,
  { train, heldOut }: LoadedData,
): TeacherBatch {
  const plan = planSteps(train, { ...options, ...training });
  const prefix = teacherPrefix([...train, ...heldOut]);
  let largest: TeacherBatch = { sequences: 1, tokens: 1 };
  for (let step = 1, seen = 0; step <= plan.steps && seen < looked; step++) {
    const { sequences, plan: epoch } = plan.at(step);
    const size = sequencesIn(training.microBatchTokens, epoch);
    for (let i = 0; i < sequences.length && seen < looked; i += size, seen++) {
      const batch = makeBatch(train, sequences.slice(i, i + size), epoch);
      const { sequences: lines, tokens } = prefix ? cutPrefix(batch, prefix).tokens : batch.teacher;
      if (lines * tokens > largest.sequences * largest.tokens) largest = { sequences: lines, tokens };
    }
  }
  return largest;
}
