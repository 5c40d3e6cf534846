/** @file What every recipe ends with: the student is trained, its twin too where asked for, and both are measured and reported. */

import { join } from "node:path";
import { needsTeacher } from "../losses/objective.js";
import type { Objective } from "../losses/options.js";
import { exportsOf } from "../report/join-export.js";
import type { Report } from "../report/report.js";
import { writeReport } from "../report/write-report.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import { type MovingTeacher, makeMovingTeacher } from "../teachers/moving-teacher.js";
import { teacherPrefix } from "../teachers/shared-prefix.js";
import { describeMachine, keepManifest } from "../training/run-directory.js";
import { type TrainedStudent, trainStudent, widestBatch } from "../training/train-student.js";
import { packageVersion } from "../version.js";
import { makeReport } from "./make-report.js";
import { measureOwnStart } from "./measure-own-start.js";
import { fingerprintDocuments } from "./open-data.js";
import { mixtureOf } from "./open-models.js";
import { openTeacherSource } from "./open-teacher-source.js";
import type { RecipeContext, RunName } from "./recipe.js";
import { type CommonConfig, type RunParts, tapsFor } from "./run-parts.js";
import { keepParts, settleStudent } from "./settle-student.js";
import { threadsOf } from "./threads-of.js";

/** The twin learns from the text alone. */
export const twinObjective: Objective = { hard: { kind: "cross-entropy", weight: 1 } };

export async function trainAndReport(context: RecipeContext<CommonConfig>, opened: RunParts): Promise<Report> {
  const { config, emit } = context;
  const { data, teacher } = opened;
  const started = performance.now();
  const threads = threadsOf(config);
  const student = await settleStudent(context, opened, threads);
  const parts = { ...opened, student };
  await keepInputs(config, threads, {
    ...(teacher && {
      teacher: mixtureOf(teacher)
        .map((member) => member.teacher.model.fingerprint)
        .join(" "),
    }),
    student: student.fingerprint,
    ...(student.tokenizer && { tokenizer: student.tokenizer.fingerprint }),
    "training data": fingerprintDocuments(data.train),
    "held-out data": fingerprintDocuments(data.heldOut),
  });
  await keepParts(config.output, student);
  const localTeacher = await openTeacherSource(context, parts, threads);
  const movingTeacher = needsTeacher(parts.objective) ? await openMovingTeacher(config, parts, threads) : undefined;
  try {
    const start = context.resume ? [] : await measureOwnStart(context, parts, localTeacher, threads);
    for (const event of start) emit(event);
    emit({ type: "phase", phase: "training", message: "training the student" });
    const { objective } = parts;
    const trained = await trainOne(context, parts, {
      run: "student",
      directory: config.output,
      ...{ objective, localTeacher, movingTeacher, threads },
    });
    let twin: TrainedStudent | undefined;
    if (config.training.twin && needsTeacher(parts.objective)) {
      emit({ type: "phase", phase: "twin", message: "training the twin: the same student without the teacher" });
      const { steps } = trained.plan;
      twin = await trainOne(withSteps(context, steps), withTwinRows(parts), {
        run: "twin",
        directory: join(config.output, "twin"),
        objective: twinObjective,
        localTeacher,
        threads,
      });
    }
    const made = await (parts.makeReport ?? makeReport)(context, parts, {
      trained,
      twin,
      localTeacher,
      threads,
      started,
    });
    // A finished run that is resumed has the same student, and what was exported of it stays true.
    const exports = context.resume ? await exportsOf(config.output) : [];
    const report = exports.length > 0 ? { ...made, exports } : made;
    emit({ type: "phase", phase: "report", message: "writing the report" });
    await writeReport(config.output, report);
    return report;
  } finally {
    await movingTeacher?.dispose();
    await localTeacher?.dispose();
  }
}

/** The teacher that follows the student, where one is asked for; undefined where the teacher stays as it is. */
async function openMovingTeacher(
  { data: { sequenceLength } }: CommonConfig,
  { student, data, context, objective }: RunParts,
  threads: number,
): Promise<MovingTeacher | undefined> {
  if (context?.movingAverage === undefined) return undefined;
  const documents = [...data.train, ...data.heldOut];
  const taps = tapsFor({ objective, student }, student.model);
  const options = {
    positionCount: widestBatch(documents, sequenceLength),
    threads,
    prefix: teacherPrefix(documents),
    taps,
  };
  return makeMovingTeacher(await student.start(), context.movingAverage, options);
}

/** Rows of its own make epochs of their own, so the twin is trained for as many steps as the student. */
export function withSteps(context: RecipeContext<CommonConfig>, steps: number): RecipeContext<CommonConfig> {
  const training = { ...context.config.training, epochs: undefined, steps };
  return { ...context, config: { ...context.config, training } };
}

/** The parts with the rows that the twin learns from. */
function withTwinRows(parts: RunParts): RunParts {
  return parts.twinTrain ? { ...parts, data: { ...parts.data, train: parts.twinTrain } } : parts;
}

/**
 * Writes config and manifest of a new run, or checks that a resumed one has the same inputs.
 *
 * @param fingerprints - SHA-256 of every input by its name.
 */
export async function keepInputs(
  config: CommonConfig,
  threads: number,
  fingerprints: Readonly<Record<string, string>>,
): Promise<void> {
  await keepManifest(config.output, config, {
    limbeckRun: 1,
    created: new Date().toISOString(),
    limbeckVersion: packageVersion,
    node: process.version,
    machine: describeMachine(),
    threads,
    seed: config.training.seed,
    fingerprints,
  });
}

export interface OneRun {
  readonly run: RunName;
  readonly directory: string;
  readonly objective: Objective;
  readonly localTeacher: TeacherSource | undefined;
  readonly movingTeacher?: MovingTeacher | undefined;
  readonly threads: number;
}

/** Trains one student of a run in a folder of its own, or returns it where it is trained already. */
export async function trainOne(
  { config, emit, resume, signal }: RecipeContext<CommonConfig>,
  { student, data }: Pick<RunParts, "student" | "data">,
  { run, directory, objective, localTeacher, movingTeacher, threads }: OneRun,
): Promise<TrainedStudent> {
  return trainStudent({
    directory,
    student: await student.start(),
    companionsFrom: student.companionsFrom,
    teacher: localTeacher,
    movingTeacher,
    objective,
    train: data.train,
    heldOut: data.heldOut,
    data: config.data,
    training: config.training,
    threads,
    resume,
    signal,
    onStep: (line, steps) => emit({ type: "step", run, steps, ...line }),
    onEvaluation: (step, evaluation, isBest) =>
      emit({ type: "evaluation", run, step, evaluation: { ...evaluation, isBest } }),
    onCheckpoint: (step, path) => emit({ type: "checkpoint", step, path }),
  });
}
