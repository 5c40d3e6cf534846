/** @file The rows of a run as documents, with what was noticed while reading them. */

import { createHash } from "node:crypto";
import {
  type DataOptions,
  type LoadedData,
  loadChatTemplate,
  loadData,
  makePrompt,
  type PromptOptions,
  promptStudentViews,
  type Tokenizer,
  type TransferDocument,
} from "../data/index.js";
import { DataError } from "../errors.js";
import { type ModelShape, virtualIds } from "../models/index.js";
import type { RunEvent } from "./recipe.js";

/** What each side sees before the response, where they differ. */
export interface SidePrompts {
  readonly student: PromptOptions;
  readonly teacher: PromptOptions;
  /** Tokens that the teacher can read; any number unless given. */
  readonly teacherLength?: number | undefined;
}

/** Whom the rows are for: a student, or as much of it as rows need. */
export interface RowReader {
  readonly tokenizer: Tokenizer | undefined;
  readonly model: { readonly shape: Pick<ModelShape, "headWidth" | "maxPositions" | "virtualTokens"> };
}

/**
 * Reads rows in the room that a student's soft prompt leaves of a sequence, and puts the prompt before the student's views.
 *
 * @throws DataError where it leaves no room for text.
 */
export async function readBehindPrompt<Data extends Pick<LoadedData, "train" | "heldOut">>(
  options: DataOptions,
  { model }: RowReader,
  read: (options: DataOptions) => Promise<Data>,
): Promise<Data> {
  const prompt = virtualIds(model.shape);
  const sequenceLength = options.sequenceLength - prompt.length;
  if (sequenceLength < 2) {
    throw new DataError(
      `data.sequenceLength: expected at least 2 more than the ${prompt.length} vectors of the soft prompt, got ${options.sequenceLength}.`,
      { hint: "Raise it, or lower student.softPrompt.tokens." },
    );
  }
  const data = await read({ ...options, sequenceLength });
  const { train, heldOut } = data;
  return { ...data, train: promptStudentViews(train, prompt), heldOut: promptStudentViews(heldOut, prompt) };
}

/**
 * Reads and encodes the rows; every warning is also emitted. Where the student has a soft prompt, its views begin with it.
 *
 * @param groundTruthField - the field that is true in rows with ground truth; left out, all have it.
 * @throws DataError for what cannot be read or used, or where a soft prompt leaves no room for text.
 */
export async function openData(
  options: DataOptions,
  reader: RowReader,
  emit: (event: RunEvent) => void,
  prompts?: SidePrompts,
  groundTruthField?: string,
): Promise<LoadedData> {
  emit({ type: "phase", phase: "data", message: "reading rows" });
  const { tokenizer, model } = reader;
  const chatTemplate = await loadChatTemplate(options.template, tokenizer);
  const data = await readBehindPrompt(options, reader, (fitting) =>
    loadData(
      fitting,
      {
        tokenizer,
        chatTemplate,
        sequenceLength: fitting.sequenceLength,
        vocabSize: model.shape.headWidth,
        groundTruthField,
        ...(prompts?.teacherLength !== undefined && { teacherLength: prompts.teacherLength }),
        ...(prompts && {
          prompts: {
            student: makePrompt(prompts.student, "student.prompt"),
            teacher: makePrompt(prompts.teacher, "teacher.prompt"),
          },
        }),
      },
      ({ tokens }) => emit({ type: "progress", task: "reading rows", done: tokens, total: 0, unit: "tokens" }),
    ),
  );
  for (const warning of data.warnings) emit({ type: "warning", ...warning });
  return data;
}

/** SHA-256 over every token of both views, and over the weights and classes of documents that have one. */
export function fingerprintDocuments(documents: readonly TransferDocument[]): string {
  const hash = createHash("sha256");
  for (const { student, teacher, classified, origin } of documents) {
    if (origin.weight !== undefined) hash.update(`weight ${origin.weight}`);
    if (classified) hash.update(JSON.stringify([classified.target, Array.from(classified.probabilities ?? [])]));
    for (const { ids, responseMask } of student === teacher ? [student] : [student, teacher]) {
      hash.update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength)).update(responseMask);
    }
  }
  return hash.digest("hex");
}
