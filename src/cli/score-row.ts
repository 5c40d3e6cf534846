/** @file A row of a `context` run as `limbeck score` scores it: one side's view, of which the response counts. */

import { join } from "node:path";
import * as z from "zod";
import { parseJsonInput } from "../config/parse-json-input.js";
import { encodeRows, loadChatTemplate, loadTokenizer, makePrompt } from "../data/index.js";
import type { ScoreRequest } from "../evaluate/score.js";
import { locateModel } from "../weights/hub/index.js";
import { readInput } from "./command.js";
import { UsageError } from "./print-error.js";
import { findRun, studentFolder } from "./student-source.js";

const rowSchema = z.looseObject({ response: z.string().min(1) });

/**
 * Pr_s(y | c', z) for the student's side, Pr_t(y | c, z) for the teacher's.
 *
 * @throws UsageError where `path` is no run of the `context` recipe; DataError for a row that lacks a field of the prompt.
 */
export async function readRowRequest(
  path: string,
  file: string,
  side: "student" | "teacher",
): Promise<Pick<ScoreRequest, "ids" | "responseMask"> & { readonly path: string }> {
  const run = await findRun(path);
  if (run?.config.recipe !== "context") {
    const got = run ? `one of ${run.config.recipe}` : `"${path}"`;
    throw new UsageError(`score: expected a run of the context recipe beside --row, got ${got}.`);
  }
  const { teacher, student, data } = run.config;
  const fields = parseJsonInput("score", file, await readInput(file), rowSchema);
  const own = join(run.path, studentFolder);
  const model = side === "student" ? own : await locateModel(teacher.model);
  const tokenizer = await loadTokenizer(own);
  const { documents } = await encodeRows([{ fields, file: file === "-" ? "standard input" : file, line: 1 }], {
    tokenizer,
    chatTemplate: await loadChatTemplate(data.template, tokenizer),
    sequenceLength: Number.MAX_SAFE_INTEGER,
    prompts: {
      student: makePrompt(student.prompt, "student.prompt"),
      teacher: makePrompt(teacher.prompt, "teacher.prompt"),
    },
  });
  const { ids, responseMask } = documents[0]![side];
  return { path: model, ids: [...ids], responseMask: [...responseMask] };
}
