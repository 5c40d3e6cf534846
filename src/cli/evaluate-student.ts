/** @file A student measured on rows, beside its teacher where it has one. */

import os from "node:os";
import { measureDocuments } from "../data/index.js";
import { gotClassifier } from "../evaluate/got-classifier.js";
import { packBatches, scoresOfTeacher } from "../evaluate/score-batches.js";
import { scoreModel } from "../evaluate/score-model.js";
import { type ModelSummary, summarizeModel } from "../evaluate/summarize-model.js";
import { compileTeacher } from "../recipes/compile-teacher.js";
import { assertOneVocabulary, mixtureOf, openStudent, openTeachers } from "../recipes/open-models.js";
import type { RunEvent } from "../recipes/recipe.js";
import { teacherPrefix } from "../teachers/shared-prefix.js";
import { loadModelFolder } from "../weights/load-model.js";
import type { Precision } from "../weights/quantize/index.js";
import { findStudent, openHeldOut, teacherOf } from "./student-source.js";

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

const batchTokens = 2048;
/** A student that has weights is not drawn from a seed. */
const unseeded = { seed: 0, sequenceLength: 0 };

/** Measures in this thread: between two batches the event loop runs, and `signal` is looked at. */
export async function evaluateStudent(
  request: EvaluationRequest,
  options: EvaluationOptions,
): Promise<StudentEvaluation> {
  const subject = await findStudent("evaluate", request.path, request.data);
  const named = request.teacher === undefined ? teacherOf(subject) : { model: request.teacher };
  const teacher = named && (await openTeachers({ ...named, precision: "float32" }, options));
  const student = await openStudent({ model: subject.student }, teacher, unseeded, options);
  if (student.model.shape.classHead) throw gotClassifier("evaluate", subject.student);
  if (teacher) assertOneVocabulary(teacher, student);
  const { documents, sequenceLength } = await openHeldOut(subject, student, options.onEvent);
  const batches = packBatches(documents, { sequenceLength, batchTokens });
  const positionCount = Math.max(...batches.map(({ student, teacher }) => Math.max(student.tokens, teacher.tokens)));
  const shared = { positionCount, threads: os.availableParallelism() };
  const prefix = teacherPrefix(documents);
  const guide = teacher && (await compileTeacher(teacher, { ...shared, prefix }));
  const onProgress = (done: number, total: number): void =>
    options.onEvent({ type: "progress", task: "measuring", done, total, unit: "rows" });
  try {
    const { precision } = request;
    const model = precision
      ? await loadModelFolder(student.companionsFrom ?? subject.student, { precision })
      : await student.start();
    const scores = await scoreModel(model, batches, { ...shared, teacher: guide, signal: options.signal, onProgress });
    const own = summarizeModel(scores, documents);
    const taught = teacher && summarizeModel(scoresOfTeacher(scores), documents);
    return {
      student: { path: subject.student, ...own },
      teacher:
        teacher && taught
          ? {
              path: mixtureOf(teacher)
                .map((member) => member.teacher.model.path)
                .join(" + "),
              ...taught,
            }
          : null,
      data: measureDocuments(documents),
    };
  } finally {
    await guide?.dispose();
  }
}
