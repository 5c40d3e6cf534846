/** @file The models of a `weak-to-strong` run, one after the other: weak teacher, student, students at other weights, ceiling; then the report. */

import os from "node:os";
import { join, relative } from "node:path";
import type { TransferDocument } from "../data/index.js";
import type { Objective } from "../losses/options.js";
import type { Scheduled } from "../losses/schedule.js";
import { exportsOf } from "../report/join-export.js";
import type { Report } from "../report/report.js";
import { writeReport } from "../report/write-report.js";
import type { TrainedStudent } from "../training/train-student.js";
import { makeReport } from "./make-report.js";
import { type MeasuredModel, measureGap } from "./measure-gap.js";
import { measureOwnStart } from "./measure-own-start.js";
import { fingerprintDocuments } from "./open-data.js";
import { type OpenedTeacher, openTeacher } from "./open-models.js";
import { openTeacherSource } from "./open-teacher-source.js";
import { type OpenedWeakToStrong, stripMarks } from "./open-weak-to-strong.js";
import type { RecipeContext, RunName } from "./recipe.js";
import { keepInputs, trainOne, twinObjective } from "./train-and-report.js";
import type { WeakToStrongConfig } from "./weak-to-strong.js";
import { weakToStrongObjective } from "./weak-to-strong-options.js";

/** Loss on the text alone: what the weak teacher and the ceiling learn from. */
const groundTruthObjective = twinObjective;

/** Trains every model in a folder of its own inside the run's, and reports. What is there already is not trained again. */
export async function learnFromWeak(
  context: RecipeContext<WeakToStrongConfig>,
  opened: OpenedWeakToStrong,
): Promise<Report> {
  const { config, emit, resume } = context;
  const { student, data } = opened;
  const started = performance.now();
  const threads = config.threads === "auto" ? os.availableParallelism() : config.threads;
  await keepInputs(config, threads, fingerprintsOf(opened));
  const teacher = await weakTeacher(context, opened, threads);
  const objective = weakToStrongObjective(config, config.weakLabels.weight);
  const parts = { teacher, student, data, objective };
  const localTeacher = await openTeacherSource(context, parts, threads);
  try {
    // That the teacher is no better than the student is no cause for a warning here.
    const start = resume ? [] : await measureOwnStart(context, parts, localTeacher, threads);
    for (const event of start) if (event.type === "start") emit(event);
    const train = (run: RunName, folder: string, learned: Objective, documents = data.train) =>
      trainOne(
        context,
        { student, data: { ...data, train: documents } },
        { run, directory: join(config.output, folder), objective: learned, localTeacher, threads },
      );
    emit({ type: "phase", phase: "training", message: "training the student on weak labels" });
    const trained = await train("student", ".", objective);
    const others: (readonly [number, TrainedStudent])[] = [];
    for (const weight of curveOf(config)) {
      emit({ type: "phase", phase: "training", message: `training the student at weight ${weight}` });
      const learned = weakToStrongObjective(config, weight);
      others.push([weight, await train(`weight ${weight}`, `weight-${weight}`, learned)]);
    }
    emit({ type: "phase", phase: "ceiling", message: "training the ceiling: the same student on ground truth" });
    const ceiling = await train("ceiling", "ceiling", groundTruthObjective, stripMarks(data.train));

    const { teacherWorth: _, ...made } = await makeReport(context, parts, {
      trained,
      twin: undefined,
      localTeacher,
      threads,
      started,
    });
    const model = (name: string, { path }: Pick<TrainedStudent, "path">): MeasuredModel => {
      return { name, folder: path, path: relative(config.output, path) };
    };
    const own = { ...model("the student", trained), weakWeight: config.weakLabels.weight as Scheduled };
    const gap = await measureGap(
      context,
      {
        weak: { name: "the weak teacher", folder: teacher.model.path, path: teacher.storedAs },
        ceiling: model("the ceiling", ceiling),
        students: [
          own,
          ...others.map(([weight, each]) => ({ ...model(`weight ${weight}`, each), weakWeight: weight })),
        ],
      },
      data.heldOut,
      threads,
    );
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
  emit({ type: "phase", phase: "teacher", message: "training the weak teacher on its own ground truth" });
  const { path } = await trainOne(
    { ...context, config: { ...config, training: { ...config.training, ...config.weak.training } } },
    { student: weak, data: { ...data, train: weakTrain } },
    {
      run: "weak",
      directory: join(config.output, "weak"),
      objective: groundTruthObjective,
      localTeacher: undefined,
      threads,
    },
  );
  return { ...(await open(path)), name: "weak", storedAs: relative(config.output, path) };
}

/** Weights of the curve that the student is not trained at anyway, ascending. */
export function curveOf({ weakLabels: { weight, curve = [] } }: WeakToStrongConfig): readonly number[] {
  return [...new Set(curve)].filter((each) => each !== weight).sort((a, b) => a - b);
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

/** Rows of data, not documents. */
function countRows(documents: readonly TransferDocument[]) {
  const count = (some: readonly TransferDocument[]) =>
    new Set(some.map(({ origin }) => `${origin.file}:${origin.row}`)).size;
  const marked = documents.filter(({ hasGroundTruth }) => hasGroundTruth !== false);
  return { trainingRows: count(documents), groundTruthRows: count(marked) };
}
