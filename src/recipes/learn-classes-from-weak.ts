/** @file The classifiers of a `weak-to-strong` run, one after the other: weak teacher, students, ceiling; then the report. */

import { relative } from "node:path";
import { exportsOf } from "../report/join-export.js";
import type { Report } from "../report/report.js";
import { writeReport } from "../report/write-report.js";
import { widestBatch } from "../training/train-student.js";
import { makeClassReport } from "./make-class-report.js";
import { measureClassGap } from "./measure-class-gap.js";
import { measureOwnStart } from "./measure-own-start.js";
import { type OpenedClassTeacher, settleClassTeacher } from "./open-class-models.js";
import { fingerprintDocuments } from "./open-data.js";
import { openTeacher } from "./open-models.js";
import type { OpenedWeakClassifiers } from "./open-weak-classifiers.js";
import type { RecipeContext } from "./recipe.js";
import { threadsOf } from "./threads-of.js";
import { keepInputs } from "./train-and-report.js";
import { countRows, trainStudents, trainWeakTeacher } from "./train-students.js";
import type { WeakClassifiersConfig } from "./weak-to-strong-config.js";
import { weakToStrongObjective } from "./weak-to-strong-options.js";

/** Trains every model in a folder of its own inside the run's, and reports. What is there already is not trained again. */
export async function learnClassesFromWeak(
  context: RecipeContext<WeakClassifiersConfig>,
  opened: OpenedWeakClassifiers,
): Promise<Report> {
  const { config, emit, resume } = context;
  const { student, classData, data, labelled } = opened;
  const started = performance.now();
  const threads = threadsOf(config);
  await keepInputs(config, threads, fingerprintsOf(opened));
  const teacher = opened.teacher ?? (await trainedTeacher(context, opened, threads));
  const objective = weakToStrongObjective(config, config.weakLabels.weight);
  const parts = { teacher, student, data, objective };
  const positionCount = widestBatch([...data.train, ...data.heldOut], config.data.sequenceLength);
  const { source } = await teacher.compile({ positionCount, threads });
  try {
    const start = resume ? [] : await measureOwnStart(context, parts, source, threads);
    for (const event of start) emit(event);
    const { trained, students, ceiling } = await trainStudents(context, parts, labelled, source, threads);
    const finished = { trained, twin: undefined, localTeacher: source, threads, started };
    const own = { classData, teacher, student, source, leaning: undefined, labelWords: undefined };
    const made = await makeClassReport(context, parts, finished, own);
    const weak = { name: "the weak teacher", path: teacher.storedAs };
    const gap = await measureClassGap(context, { weak, source, students, ceiling }, classData, threads);
    const rows = { ...countRows(data.train), weakTrainingRows: opened.weak?.data.train.length ?? null };
    const exports = resume ? await exportsOf(config.output) : [];
    // That the teacher is no better than the student is what the recipe is for.
    const { teacherWorth: _, ...classification } = made.classification!;
    const report: Report = {
      ...made,
      warnings: data.warnings,
      classification: { ...classification, weakToStrong: { ...rows, ...gap } },
      ...(exports.length > 0 && { exports }),
    };
    emit({ type: "phase", phase: "report", message: "writing the report" });
    await writeReport(config.output, report);
    return report;
  } finally {
    await source.dispose();
  }
}

/** The weak teacher, trained on its own rows. */
async function trainedTeacher(
  context: RecipeContext<WeakClassifiersConfig>,
  { weak }: OpenedWeakClassifiers,
  threads: number,
): Promise<OpenedClassTeacher> {
  const { config, emit, signal } = context;
  const path = await trainWeakTeacher(context, weak!, threads);
  const options = { model: path, precision: "float32" } as const;
  const teacher = await openTeacher(options, { onEvent: emit, signal });
  const settled = await settleClassTeacher(teacher, options, config.classes, config.data);
  return { ...settled, name: "weak", storedAs: relative(config.output, path) };
}

function fingerprintsOf({
  teacher,
  weak,
  student,
  data,
  labelled,
}: OpenedWeakClassifiers): Readonly<Record<string, string>> {
  const marked = data.train.filter(({ hasGroundTruth }) => hasGroundTruth);
  return {
    ...(teacher && { "weak teacher": teacher.model.fingerprint }),
    ...(weak && {
      "weak teacher": weak.student.fingerprint,
      "weak teacher's training data": fingerprintDocuments(weak.data.train),
    }),
    student: student.fingerprint,
    ...(student.tokenizer && { tokenizer: student.tokenizer.fingerprint }),
    "training data": fingerprintDocuments(data.train),
    "ground truth": fingerprintDocuments(marked),
    "the ceiling's training data": fingerprintDocuments(labelled),
    "held-out data": fingerprintDocuments(data.heldOut),
  };
}
