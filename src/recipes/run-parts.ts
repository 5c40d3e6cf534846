/** @file What all recipes hand to training and to the report. */

import type { LoadedData } from "../data/index.js";
import type { Objective } from "../losses/options.js";
import type { WritingReport } from "../report/writing-report.js";
import type { TrainingOptions } from "../training/options.js";
import type { OpenedStudent, OpenedTeacher } from "./open-models.js";

/** The sections that all configs have. */
export interface CommonConfig {
  readonly recipe: string;
  readonly data: { readonly sequenceLength: number; readonly packing: boolean; readonly shuffle: boolean };
  readonly training: TrainingOptions;
  readonly threads: "auto" | number;
  readonly output: string;
}

export interface RunParts {
  /** Undefined for recipes without a teacher. */
  readonly teacher: OpenedTeacher | undefined;
  readonly student: OpenedStudent;
  readonly data: LoadedData;
  readonly objective: Objective;
  /** What was written for the run, where something was. */
  readonly writing?: WritingReport | undefined;
}
