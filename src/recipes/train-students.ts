/** @file The models that a weak-to-strong run trains, one after the other, each in a folder of its own: weak teacher, student, students at other weights, ceiling. */

import { join, relative } from "node:path";
import { countSourceRows, type LoadedData, type TransferDocument } from "../data/index.js";
import type { Scheduled } from "../losses/schedule.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import type { TrainedStudent } from "../training/train-student.js";
import type { MeasuredModel } from "./measure-gap.js";
import type { OpenedStudent } from "./open-models.js";
import type { RecipeContext } from "./recipe.js";
import { trainOne, twinObjective, withSteps } from "./train-and-report.js";
import type { WeakClassifiersConfig, WeakToStrongConfig } from "./weak-to-strong-config.js";
import { weakToStrongObjective } from "./weak-to-strong-options.js";

/** Loss on the text or the labels alone: what the weak teacher and the ceiling learn from. */
const groundTruthObjective = twinObjective;

type Context = RecipeContext<WeakToStrongConfig | WeakClassifiersConfig>;

/** A student with its rows. */
export interface Learner {
  readonly student: OpenedStudent;
  readonly data: LoadedData;
}

/** Trains the weak teacher on rows with ground truth; returns its folder. */
export async function trainWeakTeacher(context: Context, weak: Learner, threads: number): Promise<string> {
  const { config, emit } = context;
  emit({ type: "phase", phase: "teacher", message: "training the weak teacher on its own ground truth" });
  const training = config.weak.training ?? config.training;
  const { path } = await trainOne({ ...context, config: { ...config, training } }, weak, {
    run: "weak",
    directory: join(config.output, "weak"),
    objective: groundTruthObjective,
    localTeacher: undefined,
    threads,
  });
  return path;
}

export interface TrainedStudents {
  readonly trained: TrainedStudent;
  /** The run's own student first, then those of the curve, by weight. */
  readonly students: readonly (MeasuredModel & { readonly weakWeight: Scheduled })[];
  readonly ceiling: MeasuredModel;
}

/**
 * Trains the strong model on what the weak teacher says at every weight, and on ground truth alone. What is there already is not
 * trained again.
 *
 * @param groundTruth - rows, all with ground truth, that the ceiling learns for as many steps as the student.
 */
export async function trainStudents(
  context: Context,
  { student, data }: Learner,
  groundTruth: readonly TransferDocument[],
  localTeacher: TeacherSource,
  threads: number,
): Promise<TrainedStudents> {
  const { config, emit } = context;
  const model = (name: string, { path }: TrainedStudent): MeasuredModel => {
    return { name, folder: path, path: relative(config.output, path) };
  };
  const trainAt = (weight: Scheduled, run: "student" | `weight ${number}`, folder: string) =>
    trainOne(
      context,
      { student, data },
      {
        run,
        directory: join(config.output, folder),
        objective: weakToStrongObjective(config, weight),
        localTeacher,
        threads,
      },
    );
  emit({ type: "phase", phase: "training", message: "training the student on weak labels" });
  const weakWeight = config.weakLabels.weight as Scheduled;
  const trained = await trainAt(weakWeight, "student", ".");
  const students: TrainedStudents["students"][number][] = [{ ...model("the student", trained), weakWeight }];
  for (const weight of curveOf(config)) {
    emit({ type: "phase", phase: "training", message: `training the student at weight ${weight}` });
    const other = await trainAt(weight, `weight ${weight}`, `weight-${weight}`);
    students.push({ ...model(`weight ${weight}`, other), weakWeight: weight });
  }
  emit({ type: "phase", phase: "ceiling", message: "training the ceiling: the same student on ground truth" });
  const ceiling = await trainOne(
    withSteps(context, trained.plan.steps),
    { student, data: { ...data, train: groundTruth } },
    {
      run: "ceiling",
      directory: join(config.output, "ceiling"),
      objective: groundTruthObjective,
      localTeacher,
      threads,
    },
  );
  return { trained, students, ceiling: model("the ceiling", ceiling) };
}

/** Weights of the curve that the student is not trained at anyway, ascending. */
export function curveOf({ weakLabels: { weight, curve = [] } }: Context["config"]): readonly number[] {
  return [...new Set(curve)].filter((each) => each !== weight).sort((a, b) => a - b);
}

/** Rows of data, not documents. */
export function countRows(documents: readonly TransferDocument[]) {
  const marked = documents.filter(({ hasGroundTruth }) => hasGroundTruth !== false);
  return { trainingRows: countSourceRows(documents), groundTruthRows: countSourceRows(marked) };
}
