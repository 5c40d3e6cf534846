/** @file The models and rows of a `weak-to-strong` run: who starts where, and whose rows are whose. */

import { type GroundTruthRows, markGroundTruth, takeShare } from "../data/ground-truth.js";
import type { LoadedData, TransferDocument } from "../data/index.js";
import { DataError } from "../errors.js";
import { openData } from "./open-data.js";
import { assertOneVocabulary, type OpenedStudent, openStudent } from "./open-models.js";
import type { RunEvent } from "./recipe.js";
import type { WeakToStrongConfig } from "./weak-to-strong-config.js";

export interface OpenedWeakToStrong {
  /** The weak teacher: before it is trained, where it is. */
  readonly weak: OpenedStudent;
  /** What the weak teacher is trained on; undefined where it teaches as it is. */
  readonly weakTrain: readonly TransferDocument[] | undefined;
  /** The strong model's start, the ceiling's too. */
  readonly student: OpenedStudent;
  /** The student's rows; those without ground truth say so. */
  readonly data: LoadedData;
}

/**
 * Opens all that a run needs.
 *
 * @throws DataError where tokenizers differ, nothing is held out, or one of the two has no row.
 */
export async function openWeakToStrong(
  config: WeakToStrongConfig,
  emit: (event: RunEvent) => void,
  signal?: AbortSignal,
): Promise<OpenedWeakToStrong> {
  const download = { onEvent: emit, signal };
  const { weak: weakOptions, student: studentOptions } = config;
  emit({ type: "phase", phase: "teacher", message: "opening the weak teacher" });
  const weak = await openStudent(
    withTokenizer(weakOptions, studentOptions),
    undefined,
    { ...config.data, seed: (weakOptions.training ?? config.training).seed },
    download,
  );
  emit({ type: "phase", phase: "student", message: "opening the strong student" });
  const student = await openStudent(
    withTokenizer(studentOptions, weakOptions),
    undefined,
    { ...config.data, seed: config.training.seed },
    download,
  );
  assertOneVocabulary(weak, student);
  const { data, weakTrain } = await openRows(config, student, emit);
  return { weak, weakTrain, student, data };
}

/** A new model without a tokenizer of its own has the other's. */
export function withTokenizer<Options extends Named>(own: Options, other: Named): Options {
  if (own.shape === undefined || own.tokenizer !== undefined) return own;
  const tokenizer = other.tokenizer ?? other.model;
  return tokenizer === undefined ? own : { ...own, tokenizer };
}

interface Named {
  readonly model?: string | undefined;
  readonly shape?: unknown;
  readonly tokenizer?: string | undefined;
}

async function openRows(
  { data: options, weak, groundTruth }: WeakToStrongConfig,
  student: OpenedStudent,
  emit: (event: RunEvent) => void,
): Promise<Pick<OpenedWeakToStrong, "data" | "weakTrain">> {
  const rows: GroundTruthRows = groundTruth.rows;
  const field = typeof rows === "object" ? rows.field : undefined;
  const loaded = await openData(options, student, emit, undefined, field);
  if (loaded.heldOut.length === 0) {
    throw new DataError("weak-to-strong: expected held-out rows, on which the gap is measured, got none.", {
      hint: "Set data.heldOut, or data.heldOutFraction above 0.",
    });
  }
  const [weakShare, own] =
    typeof weak.train === "number" ? takeShare(loaded.train, weak.train, "weak") : [undefined, loaded.train];
  if (weakShare && (weakShare.length === 0 || own.length === 0)) {
    throw new DataError(
      `weak-to-strong: weak.train must leave rows to both, got ${weakShare.length} documents for the weak teacher and ${own.length} for the student.`,
      { hint: "Give more rows, or another share." },
    );
  }
  const { heldOut: _, ...rest } = options;
  const weakTrain =
    weak.train === undefined || weakShare
      ? weakShare
      : (await openData({ ...rest, train: weak.train as string | string[], heldOutFraction: 0 }, student, emit)).train;
  return {
    weakTrain: weakTrain && markGroundTruth(stripMarks(weakTrain), "all"),
    data: { ...loaded, train: markGroundTruth(own, rows) },
  };
}

/** The same documents, all with ground truth. */
export function stripMarks(documents: readonly TransferDocument[]): readonly TransferDocument[] {
  return documents.map(({ hasGroundTruth: _, ...document }) => document);
}
