/** @file The classifiers and rows of a `weak-to-strong` run with classes: who starts where, how each reads a text, whose rows are whose. */

import { noTarget } from "../data/batch.js";
import { type ClassData, encodeClassRows, keyOfRow } from "../data/class-documents.js";
import { type ClassRow, type ClassRows, readClassRows, settleClasses } from "../data/class-rows.js";
import { isInShare, markGroundTruth } from "../data/ground-truth.js";
import type { LoadedData, TransferDocument } from "../data/index.js";
import { DataError, ModelError } from "../errors.js";
import { loadedFrom } from "./class-data.js";
import {
  type OpenedClassStudent,
  type OpenedClassTeacher,
  openClassStudent,
  settleClassTeacher,
} from "./open-class-models.js";
import { openTeacher } from "./open-models.js";
import { withTokenizer } from "./open-weak-to-strong.js";
import type { RunEvent } from "./recipe.js";
import type { Learner } from "./train-students.js";
import type { WeakClassifiersConfig } from "./weak-to-strong-config.js";

export interface OpenedWeakClassifiers {
  /** The weak teacher where it teaches as it is. */
  readonly teacher?: OpenedClassTeacher | undefined;
  /** The weak teacher where it is trained first, with its rows: one of the two is there. */
  readonly weak?: Learner & { readonly student: OpenedClassStudent };
  /** The strong model's start, the ceiling's too. */
  readonly student: OpenedClassStudent;
  /** The student's rows, read by both; those without ground truth say so. */
  readonly classData: ClassData;
  readonly data: LoadedData;
  /** The student's rows that have a label, all with ground truth: what the ceiling learns. */
  readonly labelled: readonly TransferDocument[];
}

/**
 * Opens all that a run needs.
 *
 * @throws DataError where nothing with a label is held out or left to the ceiling, ModelError where an untrained weak teacher does not
 *   know the classes.
 */
export async function openWeakClassifiers(
  config: WeakClassifiersConfig,
  emit: (event: RunEvent) => void,
  signal?: AbortSignal,
): Promise<OpenedWeakClassifiers> {
  const { classes, data: options, weak: weakOptions } = config;
  const { sequenceLength } = options;
  const download = { onEvent: emit, signal };
  const open = (own: WeakClassifiersConfig["student"], other: WeakClassifiersConfig["student"], seed: number) =>
    openClassStudent(withTokenizer(own, other), undefined, { classes, sequenceLength, seed }, download);
  const { train, training, ...weakStart } = weakOptions;

  emit({ type: "phase", phase: "teacher", message: "opening the weak teacher" });
  const ready = train === undefined ? await openWeakTeacher(config, weakStart.model!, download) : undefined;
  const weak = ready ? undefined : await open(weakStart, config.student, (training ?? config.training).seed);
  const weakSide = (ready ?? weak!).side;
  emit({ type: "phase", phase: "student", message: "opening the strong student" });
  const student = await open(config.student, weakStart, config.training.seed);

  emit({ type: "phase", phase: "data", message: "reading rows" });
  const rows = await readClassRows(options);
  settleClasses(rows, classes);
  const isWeak = (row: ClassRow) =>
    typeof train === "number" && row.label !== undefined && isInShare(keyOfRow(row), train, "weak");
  const own = { ...rows, train: rows.train.filter((row) => !isWeak(row)) };
  const onProgress = (done: number) => emit({ type: "progress", task: "reading rows", done, total: 0, unit: "rows" });
  const { rows: truth } = config.groundTruth;
  const groundTruthField = typeof truth === "object" ? truth.field : undefined;
  const encoding = { classes, student: student.side, teacher: weakSide, usesProbabilities: false, groundTruthField };
  const encoded = encodeClassRows(own, encoding, options, onProgress);
  const classData = { ...encoded, train: markGroundTruth(encoded.train, truth) };
  const labelled = classData.train.flatMap((document) =>
    document.classified?.target === noTarget ? [] : [{ ...document, hasGroundTruth: true }],
  );
  expectLabels(classData, labelled);
  for (const warning of classData.warnings) emit({ type: "warning", ...warning });
  const opened = { student, classData, data: loadedFrom(classData), labelled };
  if (!weak) return { ...opened, teacher: ready };

  const weakRows =
    typeof train === "number"
      ? { train: rows.train.filter(isWeak), heldOut: undefined, weightless: 0 }
      : await readWeakRows(config, train!);
  const alone = { classes, student: weakSide, teacher: undefined, usesProbabilities: false };
  const weakData = loadedFrom(encodeClassRows(weakRows, alone, { heldOutFraction: 0 }, onProgress));
  return { ...opened, weak: { student: weak, data: { ...weakData, heldOut: classData.heldOut.map(seenByTeacher) } } };
}

/** A weak teacher that is not trained: a classifier of these classes. */
async function openWeakTeacher(
  { classes, data }: WeakClassifiersConfig,
  model: string,
  download: Parameters<typeof openTeacher>[1],
): Promise<OpenedClassTeacher> {
  const options = { model, precision: "float32" } as const;
  const teacher = await openTeacher(options, download);
  if (teacher.model.shape.classHead) return settleClassTeacher(teacher, options, classes, data);
  throw new ModelError(`weak.model: "${model}" must be a classifier, got a language model.`, {
    hint: "Set weak.train to rows with labels: it is then given a class head and trained on them.",
  });
}

async function readWeakRows(config: WeakClassifiersConfig, train: string | readonly string[]): Promise<ClassRows> {
  const { heldOut: _, unlabelled: __, ...data } = config.data;
  const rows = await readClassRows({ ...data, train: typeof train === "string" ? train : [...train] });
  settleClasses(rows, config.classes);
  return rows;
}

/** The document as the weak teacher reads it, for a weak teacher that learns. */
function seenByTeacher(document: TransferDocument): TransferDocument {
  const { teacher, classified } = document;
  return {
    ...document,
    student: teacher,
    classified: { ...classified!, studentPosition: classified!.teacherPosition },
  };
}

function expectLabels({ heldOut }: ClassData, labelled: readonly TransferDocument[]): void {
  if (heldOut.every(({ classified }) => classified!.target === noTarget)) {
    throw new DataError("weak-to-strong: expected held-out rows with labels, on which the gap is measured, got none.", {
      hint: "Set data.heldOut to rows with labels, or data.heldOutFraction above 0.",
    });
  }
  if (labelled.length === 0) {
    throw new DataError(
      "weak-to-strong: expected training rows with labels, from which the ceiling learns, got none.",
      {
        hint: "Give data.train rows with labels; the student does not look at them unless groundTruth.rows says so.",
      },
    );
  }
}
