/** @file The rows of a `context` run: with the responses that they have, or with those that the teacher writes first. */

import { join } from "node:path";
import type { LoadedData, Tokenizer } from "../data/index.js";
import { DataError } from "../errors.js";
import type { WrittenResponse } from "../generation/index.js";
import { keepConfig } from "../training/run-directory.js";
import type { ContextConfig, ResponsesOptions } from "./context-options.js";
import { openData, type RowReader, readBehindPrompt } from "./open-data.js";
import type { OpenedStudent, OpenedTeacher } from "./open-models.js";
import { openWrittenData, type WritingFacts, type WrittenData, type WrittenDataOptions } from "./open-written-data.js";
import { promptsOf } from "./prompts-of.js";
import type { RecipeContext } from "./recipe.js";
import type { RunConfig } from "./registry.js";
import { makeWritingSampler, type SamplerOptions, type WritingTime } from "./sample-writing.js";
import { completeResponses, readResponses } from "./teacher-responses.js";
import { threadsOf } from "./threads-of.js";

/** A config whose responses the teacher writes. */
export type WrittenConfig = ContextConfig & { readonly responses: ResponsesOptions };

/** True for a config whose responses the teacher writes. */
export function isWritten(config: RunConfig): config is WrittenConfig {
  return config.recipe === "context" && config.responses !== undefined;
}

/** The folder of the responses in a run's folder. */
const responsesFolder = "responses";

/** Opens the rows of a run, and has the teacher write what they lack. */
export async function openContextData(
  { config, emit, signal }: RecipeContext<ContextConfig>,
  { teacher, student }: { readonly teacher: OpenedTeacher; readonly student: OpenedStudent },
): Promise<LoadedData & { readonly writing?: WritingFacts }> {
  const teacherLength = teacher.model.shape.maxPositions;
  if (!isWritten(config)) {
    return openData(config.data, student, emit, { ...promptsOf(config)!, teacherLength });
  }
  const { from: _, ...generation } = config.responses;
  const tokenizer = writersTokenizer(student);
  emit({ type: "phase", phase: "writing", message: "the teacher writes the responses" });
  await keepConfig(config.output, config);
  const threads = threadsOf(config);
  const data = await open(config, student, {
    teacherLength,
    respond: (file, rows) =>
      completeResponses(file, rows, generation, {
        teacher: { load: teacher.load, tokenizer },
        threads,
        signal,
        onProgress: (done, total) =>
          emit({ type: "progress", task: "writing responses", done, total, unit: "responses" }),
      }),
  });
  for (const warning of data.warnings) emit({ type: "warning", ...warning });
  return data;
}

/**
 * The rows of a finished run, with the responses in its folder.
 *
 * @throws DataError where it has none.
 */
export async function readContextData(config: WrittenConfig, run: string, student: RowReader): Promise<WrittenData> {
  return open({ ...config, output: run }, student, {
    async respond(file, rows) {
      const found = await readResponses(file, rows);
      if (found.length > 0) return found;
      throw new DataError(`rows: expected the run's responses in "${file}", got none.`, {
        hint: "Go on with limbeck run --resume, or name rows with responses by --data.",
      });
    },
  });
}

/** The rows with responses like the few that the teacher writes now: what a run will cost, and how long the writing takes. */
export async function imagineContextData(
  config: WrittenConfig,
  { teacher, student }: { readonly teacher: OpenedTeacher; readonly student: RowReader },
  options: SamplerOptions,
): Promise<WrittenData & { readonly writingTime: WritingTime }> {
  const { from: _, ...generation } = config.responses;
  const sampler = makeWritingSampler(teacher, writersTokenizer(student), generation, options);
  const data = await open(config, student, {
    teacherLength: teacher.model.shape.maxPositions,
    respond: async (_, rows) => {
      const responses = await sampler.respond(rows.map(({ prompt }) => prompt));
      // How many will reach the most tokens is not known from a few.
      return responses.map((response): WrittenResponse => ({ ...response, finishReason: "stop" }));
    },
  });
  return { ...data, writingTime: sampler.time() };
}

function open(
  config: WrittenConfig,
  student: RowReader,
  options: Pick<WrittenDataOptions, "respond"> & Partial<Pick<WrittenDataOptions, "teacherLength">>,
): Promise<WrittenData> {
  return readBehindPrompt(config.data, student, (data) =>
    openWrittenData({
      data,
      prompts: promptsOf(config)!,
      tokenizer: writersTokenizer(student),
      teacherLength: Number.POSITIVE_INFINITY,
      folder: join(config.output, responsesFolder),
      ...options,
    }),
  );
}

function writersTokenizer({ tokenizer }: RowReader): Tokenizer {
  if (tokenizer) return tokenizer;
  throw new DataError("data: a teacher must have a tokenizer to write responses, got none.", {
    hint: "Add the model's tokenizer.json to the folders of teacher and student, or give rows with responses.",
  });
}
