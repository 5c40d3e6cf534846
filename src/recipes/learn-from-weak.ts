/** @file The models of a `weak-to-strong` run of language models, one after the other: weak teacher, students, ceiling; then the report. */

import { relative } from "node:path";
import { exportsOf } from "../report/join-export.js";
import type { Report } from "../report/report.js";
import { writeReport } from "../report/write-report.js";
import { makeReport } from "./make-report.js";
import { measureGap } from "./measure-gap.js";
import { measureOwnStart } from "./measure-own-start.js";
import { fingerprintDocuments } from "./open-data.js";
import { type OpenedTeacher, openTeacher } from "./open-models.js";
import { openTeacherSource } from "./open-teacher-source.js";
import { type OpenedWeakToStrong, stripMarks } from "./open-weak-to-strong.js";
import type { RecipeContext } from "./recipe.js";
import { threadsOf } from "./threads-of.js";
import { keepInputs } from "./train-and-report.js";
import { countRows, trainStudents, trainWeakTeacher } from "./train-students.js";
import type { WeakToStrongConfig } from "./weak-to-strong-config.js";
import { weakToStrongObjective } from "./weak-to-strong-options.js";

/** Trains every model in a folder of its own inside the run's, and reports. What is there already is not trained again. */
export async function learnFromWeak(
  context: RecipeContext<WeakToStrongConfig>,
  opened: OpenedWeakToStrong,
): Promise<Report> {
  const { config, emit, resume } = context;
  const { student, data } = opened;
  const started = performance.now();
  const threads = threadsOf(config);
  await keepInputs(config, threads, fingerprintsOf(opened));
  const teacher = await weakTeacher(context, opened, threads);
  const objective = weakToStrongObjective(config, config.weakLabels.weight);
  const parts = { teacher, student, data, objective };
  const localTeacher = (await openTeacherSource(context, parts, threads))!;
  try {
    // That the teacher is no better than the student is no cause for a warning here.
    const start = resume ? [] : await measureOwnStart(context, parts, localTeacher, threads);
    for (const event of start) if (event.type === "start") emit(event);
    const { trained, students, ceiling } = await trainStudents(
      context,
      parts,
      stripMarks(data.train),
      localTeacher,
      threads,
    );
    const { teacherWorth: _, ...made } = await makeReport(context, parts, {
      trained,
      twin: undefined,
      localTeacher,
      threads,
      started,
    });
    const weak = { name: "the weak teacher", folder: teacher.model.path, path: teacher.storedAs };
    const gap = await measureGap(context, { weak, ceiling, students }, data.heldOut, threads);
    const exports = resume ? await exportsOf(config.output) : [];
    const report: Report = {
      ...made,
      warnings: data.warnings,
      weakToStrong: { ...countRows(data.train), ...gap },
      ...(exports.length > 0 && { exports }),
    };
    emit({ type: "phase", phase: "report", message: "writing the report" });
    await writeReport(config.output, report);
    return report;
  } finally {
    await localTeacher.dispose();
  }
}

/** The weak teacher as it teaches: trained on its own rows first, where it has some. */
async function weakTeacher(
  context: RecipeContext<WeakToStrongConfig>,
  { weak, weakTrain, data }: OpenedWeakToStrong,
  threads: number,
): Promise<OpenedTeacher> {
  const { config, emit, signal } = context;
  const open = (model: string) => openTeacher({ model, precision: "float32" }, { onEvent: emit, signal });
  if (!weakTrain) return open(config.weak.model!);
  const path = await trainWeakTeacher(context, { student: weak, data: { ...data, train: weakTrain } }, threads);
  return { ...(await open(path)), name: "weak", storedAs: relative(config.output, path) };
}

function fingerprintsOf({ weak, weakTrain, student, data }: OpenedWeakToStrong): Readonly<Record<string, string>> {
  const marked = data.train.filter(({ hasGroundTruth }) => hasGroundTruth !== false);
  return {
    "weak teacher": weak.fingerprint,
    student: student.fingerprint,
    ...(student.tokenizer && { tokenizer: student.tokenizer.fingerprint }),
    ...(weakTrain && { "weak teacher's training data": fingerprintDocuments(weakTrain) }),
    "training data": fingerprintDocuments(data.train),
    "ground truth": fingerprintDocuments(marked),
    "held-out data": fingerprintDocuments(data.heldOut),
  };
}
