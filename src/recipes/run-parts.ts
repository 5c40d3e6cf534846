/** @file What all recipes hand to training and to the report. */

import type { LoadedData } from "../data/index.js";
import type { Objective } from "../losses/options.js";
import type { CacheOptions } from "../signals/cache/index.js";
import type { TrainingOptions } from "../training/options.js";
import type { OpenedStudent, OpenedTeacher } from "./open-models.js";
import type { WritingFacts } from "./open-written-data.js";

/** The sections that all configs have. */
export interface CommonConfig {
  readonly recipe: string;
  readonly data: { readonly sequenceLength: number; readonly packing: boolean; readonly shuffle: boolean };
  readonly training: TrainingOptions;
  readonly threads: "auto" | number;
  /** Left out: the teacher runs live. */
  readonly cache?: CacheOptions | undefined;
  readonly output: string;
}

/** What only a run has whose sides see different prompts. */
export interface ContextParts {
  /** The teacher follows the student, each weight keeping this share of itself; undefined where the teacher stays. */
  readonly movingAverage: number | undefined;
  /** What the teacher wrote, where it wrote the responses. */
  readonly writing: WritingFacts | undefined;
}

export interface RunParts {
  /** Undefined for recipes without a teacher. */
  readonly teacher: OpenedTeacher | undefined;
  readonly student: OpenedStudent;
  readonly data: LoadedData;
  readonly objective: Objective;
  readonly context?: ContextParts;
}
