/**
 * @file `classification`: the student puts texts into classes as a teacher does, as labels say, or both.
 *
 * With p the teacher's probabilities of the classes of x, q the student's, and y the label where x has one:
 *
 *     min over θ of the mean of soft · τ² KL(p_τ(· | x) ‖ q_τ(· | x; θ)) + hard · −log q(y | x; θ)
 *
 * The teacher is a classifier, a language model by words that stand for the classes, or the rows themselves. Each side reads the
 * text in its own way: only classes are compared, so tokenizers may differ.
 *
 * Hinton, Vinyals & Dean 2015, §2 (arXiv:1503.02531); Sanh et al. 2019, DistilBERT (arXiv:1910.01108).
 */

import { isDeepStrictEqual } from "node:util";
import { noTarget } from "../data/batch.js";
import { type ClassData, encodeClassRows } from "../data/class-documents.js";
import { readClassRows, settleClasses } from "../data/class-rows.js";
import { type ClassWeights, weighClasses } from "../data/class-weights.js";
import { DataError, LimbeckError, show } from "../errors.js";
import { needsTeacher } from "../losses/objective.js";
import type { CrossEntropyTerm, Objective } from "../losses/options.js";
import { readClasses } from "../models/class-head.js";
import type { ClassTeacher } from "../teachers/class-teacher.js";
import { makeRowTeacher } from "../teachers/row-teacher.js";
import { checkRunDirectory } from "../training/run-directory.js";
import type { LocateOptions } from "../weights/hub/index.js";
import { loadedFrom } from "./class-data.js";
import { type ClassificationConfig, classificationConfigSchema } from "./classification-options.js";
import { makeClassReport } from "./make-class-report.js";
import {
  type OpenedClassStudent,
  type OpenedClassTeacher,
  openClassStudent,
  openClassTeacherModel,
  settleClassTeacher,
} from "./open-class-models.js";
import { defineRecipe, type RunEvent } from "./recipe.js";
import type { RunParts } from "./run-parts.js";
import { trainAndReport } from "./train-and-report.js";

export const classification = defineRecipe({
  name: "classification",
  config: classificationConfigSchema,

  async run(context) {
    const { config, emit, signal } = context;
    await checkRunDirectory(config.output, config, context.resume);
    const parts = await openClassification(config, { onEvent: emit, signal }, emit);
    return trainAndReport(context, parts);
  },
});

/** A run of this recipe, opened. */
export interface ClassificationParts extends RunParts {
  readonly student: OpenedClassStudent;
  readonly teacher: OpenedClassTeacher | undefined;
  readonly classData: ClassData;
}

/**
 * Opens models and rows.
 *
 * @throws DataError, ModelError or LimbeckError for what the run could not begin with.
 */
export async function openClassification(
  config: ClassificationConfig,
  download: LocateOptions,
  emit: (event: RunEvent) => void,
): Promise<ClassificationParts> {
  const { data: options, objective } = config;
  let opened: Awaited<ReturnType<typeof openClassTeacherModel>> | undefined;
  if (config.teacher) {
    emit({ type: "phase", phase: "teacher", message: `opening the teacher, ${config.teacher.model}` });
    opened = await openClassTeacherModel(config.teacher, download);
  }
  emit({ type: "phase", phase: "data", message: "reading rows" });
  const rows = await readClassRows(options);
  const known =
    config.classes ?? (opened && (readClasses(opened.model.config) ?? Object.keys(config.teacher?.labelWords ?? {})));
  const classes = settleClasses(rows, known);
  const hasProbabilities = rows.train.some(({ probabilities }) => probabilities !== undefined);
  const usesProbabilities = !opened && needsTeacher(objective) && hasProbabilities;
  if (needsTeacher(objective) && !opened && !usesProbabilities) {
    throw new DataError(
      'data: expected a teacher for the objective\'s soft term, got neither a teacher nor rows with "probabilities".',
      {
        hint: "Name a teacher, give the rows probabilities, or leave the term out.",
      },
    );
  }
  const teacher = opened && (await settleClassTeacher(opened, config.teacher!, classes, options));
  emit({ type: "phase", phase: "student", message: "opening the student" });
  const settings = { classes, sequenceLength: options.sequenceLength, seed: config.training.seed };
  const student = await openClassStudent(config.student, teacher, settings, download);
  const encoding = { classes, student: student.side, teacher: teacher?.side, usesProbabilities };
  const encoded = encodeClassRows(rows, encoding, options, (done) =>
    emit({ type: "progress", task: "reading rows", done, total: 0, unit: "rows" }),
  );
  const classWeights = classWeightsOf(objective);
  const classData = classWeights ? { ...encoded, train: weighClasses(encoded.train, classes, classWeights) } : encoded;
  for (const warning of classData.warnings) emit({ type: "warning", ...warning });
  let source: ClassTeacher | undefined;
  let leaning: readonly number[] | undefined;
  return {
    teacher,
    student,
    objective,
    classData,
    data: loadedFrom(classData),
    twinTrain: classData.train.filter(({ classified }) => classified?.target !== noTarget),
    async makeTeacher(sizes) {
      const compiled = teacher
        ? await teacher.compile(sizes)
        : { source: usesProbabilities ? makeRowTeacher(classes.length) : undefined };
      ({ source, leaning } = { leaning: undefined, ...compiled });
      return source;
    },
    makeReport: (context, parts, trained) =>
      makeClassReport(context, parts, trained, {
        classData,
        teacher,
        student,
        source,
        leaning,
        labelWords: config.teacher?.labelWords,
      }),
  };
}

/** @throws LimbeckError where two terms on the labels weigh them differently: a label has one weight. */
function classWeightsOf(objective: Objective): ClassWeights | undefined {
  const terms = Object.entries(objective).filter(([, { kind }]) => kind === "cross-entropy");
  const [first, ...others] = terms.map(([name, term]) => ({ name, weights: (term as CrossEntropyTerm).classWeights }));
  const other = others.find(({ weights }) => !isDeepStrictEqual(weights, first?.weights));
  if (!other) return first?.weights;
  throw new LimbeckError(
    "OBJECTIVE",
    `objective.${other.name}.classWeights: expected those of objective.${first!.name}, got ${show(other.weights)}.`,
    { hint: "Give all terms on the labels the same classWeights." },
  );
}
