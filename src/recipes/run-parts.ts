/** @file What all recipes hand to training and to the report. */

import type { LoadedData } from "../data/index.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { planFeatures, teacherTaps } from "../losses/features/feature-terms.js";
import type { Objective } from "../losses/options.js";
import type { LayerTap } from "../models/layer-taps.js";
import type { ModelDefinition } from "../models/model-graph.js";
import type { Report } from "../report/report.js";
import type { WritingReport } from "../report/writing-report.js";
import type { CacheOptions } from "../signals/cache/index.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import { hiddenFormOf } from "../teachers/local-teacher.js";
import type { TrainingOptions } from "../training/options.js";
import type { TrainedStudent } from "../training/train-student.js";
import type { OpenedStudent, OpenedTeacher } from "./open-models.js";
import type { WritingFacts } from "./open-written-data.js";
import type { RecipeContext } from "./recipe.js";

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
  /** What was written for the run, where something was. */
  readonly writing?: WritingReport | undefined;
  readonly context?: ContextParts;
  /** Where the teacher's signals come from, where it is not the teacher's own hidden states. */
  readonly makeTeacher?: ((sizes: TeacherSizes) => Promise<TeacherSource | undefined>) | undefined;
  /** What the twin learns from, where it is not all training rows. */
  readonly twinTrain?: readonly TransferDocument[] | undefined;
  /** Measures the run's models, where they are no language models. */
  readonly makeReport?: MakeReport | undefined;
}

/** What a report is made of when all is trained. */
export interface Trained {
  readonly trained: TrainedStudent;
  readonly twin: TrainedStudent | undefined;
  readonly localTeacher: TeacherSource | undefined;
  readonly threads: number;
  /** `performance.now()` at the start of the run. */
  readonly started: number;
}

/** Measures the models of a run that is trained. */
export type MakeReport = (context: RecipeContext<CommonConfig>, parts: RunParts, trained: Trained) => Promise<Report>;

/** What a teacher is compiled for. */
export interface TeacherSizes {
  /** Longest sequence it will read. */
  readonly positionCount: number;
  readonly threads: number;
}

/** What the layers of a teacher must hand over for the run's objective. */
export function tapsFor(
  { objective, student }: Pick<RunParts, "objective" | "student">,
  teacher: ModelDefinition,
): readonly LayerTap[] {
  return teacherTaps(planFeatures(objective, student.model, hiddenFormOf(teacher)));
}
