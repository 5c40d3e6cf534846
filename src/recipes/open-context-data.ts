/** @file The rows of a `context` run: with the responses that they have, or with those that the teacher writes first. */

import os from "node:os";
import { join } from "node:path";
import type { LoadedData } from "../data/index.js";
import { DataError } from "../errors.js";
import { keepConfig } from "../training/run-directory.js";
import type { ContextConfig } from "./context-options.js";
import { openData, type SidePrompts } from "./open-data.js";
import type { OpenedStudent, OpenedTeacher } from "./open-models.js";
import { openWrittenData, responsesFolder, type WritingFacts } from "./open-written-data.js";
import type { RecipeContext } from "./recipe.js";
import { completeResponses } from "./teacher-responses.js";

/** What each side of a config sees. */
export function promptsOf({ teacher, student }: Pick<ContextConfig, "teacher" | "student">): SidePrompts {
  return { teacher: teacher.prompt, student: student.prompt };
}

/** Opens the rows, and has the teacher write what they lack. */
export async function openContextData(
  { config, emit, signal }: RecipeContext<ContextConfig>,
  { teacher, student }: { readonly teacher: OpenedTeacher; readonly student: OpenedStudent },
): Promise<LoadedData & { readonly writing?: WritingFacts }> {
  const { responses } = config;
  const prompts = { ...promptsOf(config), teacherLength: teacher.model.shape.maxPositions };
  if (responses === undefined) return openData(config.data, student, emit, prompts);
  const { tokenizer } = student;
  if (!tokenizer || !teacher.tokenizer) {
    throw new DataError("data: a teacher must have a tokenizer to write responses, got none.", {
      hint: "Add the model's tokenizer.json to the folders of teacher and student, or give rows with responses.",
    });
  }
  emit({ type: "phase", phase: "writing", message: "the teacher writes the responses" });
  await keepConfig(config.output, config);
  const threads = config.threads === "auto" ? os.availableParallelism() : config.threads;
  const writer = { load: teacher.load, tokenizer };
  const data = await openWrittenData({
    data: config.data,
    prompts,
    tokenizer,
    teacherLength: prompts.teacherLength,
    folder: join(config.output, responsesFolder),
    respond: (file, rows) =>
      completeResponses(file, rows, responses, {
        teacher: writer,
        threads,
        signal,
        onProgress: (done, total) =>
          emit({ type: "progress", task: "writing responses", done, total, unit: "responses" }),
      }),
  });
  for (const warning of data.warnings) emit({ type: "warning", ...warning });
  return data;
}
