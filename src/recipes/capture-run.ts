/** @file All that a run would ask its teacher, asked before the run and kept in its cache. */

import { LimbeckError } from "../errors.js";
import { cacheSchema } from "../signals/cache/index.js";
import { fillCache } from "./fill-cache.js";
import { isWritten } from "./open-context-data.js";
import { openData } from "./open-data.js";
import { assertOneVocabulary, openStudent, openTeacher } from "./open-models.js";
import { promptsOf } from "./prompts-of.js";
import type { RecipeContext } from "./recipe.js";
import type { RunConfig } from "./registry.js";
import { threadsOf } from "./threads-of.js";

export interface CaptureResult {
  /** The folders that hold the run's signals. */
  readonly captures: readonly string[];
  readonly documents: number;
  /** Response rows. */
  readonly rows: number;
  /** Documents that the teacher was asked about now; 0 where all were there. */
  readonly asked: number;
}

/**
 * Fills the cache of a run, which has the default settings where the config names none.
 *
 * @throws LimbeckError `CACHE` where the recipe has no teacher whose signals could be kept.
 */
export async function captureRun(context: Omit<RecipeContext<RunConfig>, "resume">): Promise<CaptureResult> {
  const { config, emit, signal } = context;
  if (!("teacher" in config) || config.recipe === "classification") {
    throw new LimbeckError("CACHE", `capture: expected a recipe with a teacher of tokens, got ${config.recipe}.`, {
      hint: "Name a config of a recipe that distils, such as soft-labels.",
    });
  }
  const download = { onEvent: emit, signal };
  emit({ type: "phase", phase: "teacher", message: `opening the teacher, ${config.teacher.model}` });
  const teacher = await openTeacher(config.teacher, download);
  const student = await openStudent(config.student, teacher, { ...config.data, ...config.training }, download);
  assertOneVocabulary(teacher, student);
  if (isWritten(config)) {
    throw new LimbeckError(
      "CACHE",
      "capture: expected rows with responses, got responses that the teacher is to write.",
      {
        hint: "Run the config: it captures what it asks the teacher, behind the responses.",
      },
    );
  }
  const data = await openData(config.data, student, emit, promptsOf(config));
  const threads = threadsOf(config);
  const parts = { teacher, student, data, objective: config.objective };
  const cache = config.cache ?? cacheSchema.parse({});
  const { captures, asked } = await fillCache(context, cache, parts, threads);
  const documents = [...data.train, ...data.heldOut];
  return {
    captures: captures.map(({ path }) => path),
    documents: documents.length,
    rows: documents.reduce((sum, { responseTokens }) => sum + responseTokens, 0),
    asked,
  };
}
