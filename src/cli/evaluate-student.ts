/** @file A student measured on rows, beside its teacher where it has one. */

import { stat } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { loadConfig } from "../config/load-config.js";
import { type DataOptions, dataOptionsSchema, measureDocuments } from "../data/index.js";
import { DataError } from "../errors.js";
import { packBatches, scoresOfTeacher } from "../evaluate/score-batches.js";
import { scoreModel } from "../evaluate/score-model.js";
import { type ModelSummary, summarizeModel } from "../evaluate/summarize-model.js";
import { openData, type SidePrompts } from "../recipes/open-data.js";
import { assertOneVocabulary, openStudent, openTeacher } from "../recipes/open-models.js";
import type { RunEvent } from "../recipes/recipe.js";
import { makeLocalTeacher } from "../teachers/local-teacher.js";
import { loadModelFolder } from "../weights/load-model.js";
import type { Precision } from "../weights/quantize/index.js";

/** What is measured: a run (its student, its teacher, its held-out rows) or a student, with what the flags name instead. */
export interface EvaluationRequest {
  readonly path: string;
  readonly teacher?: string | undefined;
  readonly data?: string | undefined;
  /** What the student computes in; float32 unless given. The teacher always computes in float32. */
  readonly precision?: Precision | undefined;
}

/** What came out, in the terms of a run's report.json. */
export interface StudentEvaluation {
  readonly student: ModelSummary & { readonly path: string };
  readonly teacher: (ModelSummary & { readonly path: string }) | null;
  readonly data: { readonly documents: number; readonly tokens: number; readonly responseTokens: number };
}

export interface EvaluationOptions {
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
}

/** The paths and rows of an evaluation. */
interface Subject {
  readonly student: string;
  readonly teacher: string | undefined;
  readonly data: DataOptions;
  /** Whether the rows are those that `data` holds out, or all of its training rows. */
  readonly isHeldOut: boolean;
  readonly prompts?: SidePrompts | undefined;
}

const batchTokens = 2048;

/** Measures in this thread: between two batches the event loop runs, and `signal` is looked at. */
export async function evaluateStudent(
  request: EvaluationRequest,
  options: EvaluationOptions,
): Promise<StudentEvaluation> {
  const subject = await subjectOf(request);
  const teacher =
    subject.teacher === undefined
      ? undefined
      : await openTeacher({ model: subject.teacher, precision: "float32" }, options);
  const student = await openStudent({ model: subject.student }, teacher, { seed: 0, ...subject.data }, options);
  if (teacher) assertOneVocabulary(teacher, student);
  // Documents are no longer than the model was made for.
  const data = {
    ...subject.data,
    sequenceLength: Math.min(subject.data.sequenceLength, student.model.shape.maxPositions),
  };
  const loaded = await openData(data, student, options.onEvent, subject.prompts);
  const documents = subject.isHeldOut ? loaded.heldOut : loaded.train;
  if (documents.length === 0) {
    throw new DataError("evaluate: expected rows to measure on, got none held out.", {
      hint: "Name a file with --data.",
    });
  }
  const batches = packBatches(documents, { sequenceLength: data.sequenceLength, batchTokens });
  const positionCount = Math.max(...batches.map(({ student, teacher }) => Math.max(student.tokens, teacher.tokens)));
  const shared = { positionCount, threads: os.availableParallelism() };
  const guide = teacher && (await makeLocalTeacher(teacher.model, shared));
  const onProgress = (done: number, total: number): void =>
    options.onEvent({ type: "progress", task: "measuring", done, total, unit: "rows" });
  try {
    const { precision } = request;
    const model = precision ? await loadModelFolder(student.companionsFrom, { precision }) : await student.start();
    const scores = await scoreModel(model, batches, { ...shared, teacher: guide, signal: options.signal, onProgress });
    const own = summarizeModel(scores, documents);
    const taught = teacher && summarizeModel(scoresOfTeacher(scores), documents);
    return {
      student: { path: subject.student, ...own },
      teacher: teacher && taught ? { path: teacher.model.path, ...taught } : null,
      data: measureDocuments(documents),
    };
  } finally {
    await guide?.dispose();
  }
}

async function subjectOf({ path, teacher, data }: EvaluationRequest): Promise<Subject> {
  const configFile = join(path, "config.yaml");
  const isRun = await stat(configFile).then(
    () => true,
    () => false,
  );
  if (!isRun) {
    if (data === undefined) {
      throw new DataError(`evaluate: "${path}" is no run, so that rows must be named, got none.`, {
        hint: "Name a file with --data.",
      });
    }
    return {
      student: path,
      teacher,
      data: dataOptionsSchema.parse({ train: data, heldOutFraction: 0 }),
      isHeldOut: false,
    };
  }
  const config = await loadConfig(configFile);
  const { heldOut: _, ...rest } = config.data;
  return {
    student: join(path, "student"),
    teacher: teacher ?? ("teacher" in config ? config.teacher.model : undefined),
    data: data === undefined ? config.data : { ...rest, train: data, heldOutFraction: 0 },
    isHeldOut: data === undefined,
    prompts:
      config.recipe === "context" ? { teacher: config.teacher.prompt, student: config.student.prompt } : undefined,
  };
}
