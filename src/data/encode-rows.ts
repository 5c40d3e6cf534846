/** @file Rows to documents of token ids, in one or two views. */

import { createHash } from "node:crypto";
import { DataError, show } from "../errors.js";
import { type ChatTemplate, type Message, renderTurn, splitConversation, type Turn } from "./chat-template.js";
import { encodeText, encodeTurns } from "./encode-text.js";
import { readGroundTruth } from "./ground-truth.js";
import type { Prompt } from "./prompt.js";
import { stringField, typeRow } from "./row-kind.js";
import { placeOf, type SourceRow } from "./source-row.js";
import type { Tokenizer } from "./tokenizer.js";
import type { RowOrigin, Span, TransferDocument, TransferReport, TransferSet } from "./transfer-set.js";

/** How rows become tokens. */
export interface RowEncoding {
  /** Needed for all rows but `{tokenIds}`. */
  readonly tokenizer: Tokenizer | undefined;
  /** Writes prompts and messages; undefined for plain text. */
  readonly chatTemplate: ChatTemplate | undefined;
  /** Longest document of the student's view; the teacher's is never cut. */
  readonly sequenceLength: number;
  /** What the ids of `{tokenIds}` rows must be below. */
  readonly vocabSize?: number;
  /** The field that is true in rows with ground truth; left out, all have it. */
  readonly groundTruthField?: string | undefined;
  /** Longest document of the teacher's view, where the two differ; any length unless given. */
  readonly teacherLength?: number;
  /** What each side sees before the row's `response`. Left out, both see the row as it is. */
  readonly prompts?: { readonly student: Prompt; readonly teacher: Prompt };
}

/** How far the reading of rows has come. */
export interface EncodingProgress {
  readonly rows: number;
  readonly tokens: number;
}

/** Rows that are tokenized together: enough to keep the native tokenizer's threads busy. */
const rowsAtOnce = 64;

/**
 * Turns rows into documents.
 *
 * - `{text}`: the tokenizer's beginning token (where its post-processor adds one), the text and the end token; all but the
 *   first are learned. Longer text is split into windows that overlap by one token, so that each is learned once.
 * - `{prompt, response}`: the response is learned, through the end token or the chat template's end of turn.
 * - `{messages}`: every assistant message is learned, through its end of turn; the text between is not.
 * - `{tokenIds, responseMask?}`: taken as they are; without a mask all but the first are learned.
 *
 * A response that does not fit into `sequenceLength` with what comes before it is left out and counted, and so are the later
 * turns of its conversation. So is a row of which nothing is learned.
 *
 * @param onProgress - called after every few rows; what it throws ends the reading.
 * @throws DataError for a row that cannot be used, or when no row has a response token.
 */
export async function encodeRows(
  rows: AsyncIterable<SourceRow> | Iterable<SourceRow>,
  encoding: RowEncoding,
  onProgress?: (progress: EncodingProgress) => void,
): Promise<TransferSet> {
  const documents: TransferDocument[] = [];
  const report = { ...emptyReport };
  let tokens = 0;
  let waiting: SourceRow[] = [];
  const encodeWaiting = async (): Promise<void> => {
    const encoded = await Promise.all(waiting.map((row) => encodeRow(row, encoding)));
    for (const [index, { views, droppedResponses, longTeacherViews = 0, remark }] of encoded.entries()) {
      const row = waiting[index]!;
      const origin = originOf(row, report.rows++);
      const { groundTruthField: field } = encoding;
      const truth = field === undefined ? {} : { hasGroundTruth: readGroundTruth(row, field) };
      const learnable = views.filter(([student]) => student.responseMask.includes(1));
      if (remark) report[remark]++;
      report.droppedResponses += droppedResponses;
      report.longTeacherViews += longTeacherViews;
      if (learnable.length === 0 && droppedResponses + longTeacherViews === 0) report.rowsWithoutResponse++;
      for (const [student, teacher] of learnable) {
        documents.push({ ...makeDocument(student, teacher, origin, encoding.tokenizer), ...truth });
        tokens += student.ids.length;
      }
    }
    waiting = [];
    onProgress?.({ rows: report.rows, tokens });
  };
  for await (const row of rows) {
    waiting.push(row);
    if (waiting.length === rowsAtOnce) await encodeWaiting();
  }
  if (waiting.length > 0) await encodeWaiting();
  if (documents.length === 0) throw nothingToLearn(report, encoding);
  return { documents, report };
}

/** A report of no rows. */
export const emptyReport: TransferReport = {
  rows: 0,
  rowsWithoutResponse: 0,
  droppedResponses: 0,
  longTeacherViews: 0,
  splitRows: 0,
  longRows: 0,
};

type Views = readonly [student: Span, teacher: Span];

interface EncodedRow {
  readonly views: readonly Views[];
  readonly droppedResponses: number;
  readonly longTeacherViews?: number;
  /** The count of the report that this row adds to. */
  readonly remark?: "splitRows" | "longRows";
}

/** A document before it is tokenized: the same turns on both sides, but for their prompts. */
interface Draft {
  readonly student: readonly Turn[];
  readonly teacher: readonly Turn[];
}

async function encodeRow(row: SourceRow, encoding: RowEncoding): Promise<EncodedRow> {
  const { chatTemplate, prompts, sequenceLength } = encoding;
  const where = placeOf(row);
  if (prompts) {
    const response = stringField(row, "response");
    const student = answer(prompts.student.render(row), response, chatTemplate, where);
    const teacher = answer(prompts.teacher.render(row), response, chatTemplate, where);
    return encodeDrafts(response === "" ? [] : [{ student, teacher }], row, encoding);
  }
  const typed = typeRow(row, encoding.vocabSize);
  switch (typed.kind) {
    case "tokenIds": {
      const span = { ids: typed.ids, responseMask: typed.responseMask };
      const isLong = typed.ids.length > sequenceLength;
      return { views: [[span, span]], droppedResponses: 0, ...(isLong ? { remark: "longRows" as const } : {}) };
    }
    case "text": {
      const spans = await encodeText(typed.text, needTokenizer(encoding, row), sequenceLength);
      const isSplit = spans.length > 1;
      return {
        views: spans.map((span) => [span, span]),
        droppedResponses: 0,
        ...(isSplit ? { remark: "splitRows" as const } : {}),
      };
    }
    case "prompt": {
      const turns = answer(typed.prompt, typed.response, chatTemplate, where);
      return encodeDrafts(typed.response === "" ? [] : [{ student: turns, teacher: turns }], row, encoding);
    }
    case "messages": {
      if (!chatTemplate) throw missingTemplate(where, "messages");
      const documents = splitConversation(chatTemplate, typed.messages, where);
      return encodeDrafts(
        documents.map((turns) => ({ student: turns, teacher: turns })),
        row,
        encoding,
      );
    }
  }
}

/** The one turn of a prompt and its response; a string becomes a user's message where there is a chat template. */
export function answer(
  prompt: string | readonly Message[],
  response: string,
  chatTemplate: ChatTemplate | undefined,
  where: string,
): Turn[] {
  if (chatTemplate) {
    const before = typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt;
    return [renderTurn(chatTemplate, before, { role: "assistant", content: response }, where)];
  }
  if (typeof prompt !== "string") throw missingTemplate(where, "a prompt of messages");
  return [{ prompt, response, contentEnd: undefined }];
}

async function encodeDrafts(drafts: readonly Draft[], row: SourceRow, encoding: RowEncoding): Promise<EncodedRow> {
  const tokenizer = needTokenizer(encoding, row);
  const { teacherLength = Number.POSITIVE_INFINITY } = encoding;
  const views: Views[] = [];
  let [droppedResponses, longTeacherViews] = [0, 0];
  for (const { student, teacher } of drafts) {
    const different = student.findIndex((turn, index) => turn.response !== teacher[index]?.response);
    if (different >= 0) throw unequalResponses(row, student[different]!, teacher[different]);
    const encoded = await encodeTurns(student, teacher, {
      tokenizer,
      sequenceLength: encoding.sequenceLength,
      isChat: encoding.chatTemplate !== undefined,
    });
    droppedResponses += encoded.droppedResponses;
    if (!encoded.views) continue;
    const [, { ids }] = encoded.views;
    if (student !== teacher && ids.length > teacherLength) longTeacherViews++;
    else views.push(encoded.views);
  }
  return { views, droppedResponses, longTeacherViews };
}

/** A document of two views of one response. */
export function makeDocument(
  student: Span,
  teacher: Span,
  origin: RowOrigin,
  tokenizer: Tokenizer | undefined,
): TransferDocument {
  const learned = student.ids.filter((_, index) => student.responseMask[index] === 1);
  const responseBytes = tokenizer?.tokenBytes(learned);
  return { student, teacher, responseTokens: learned.length, responseBytes, origin };
}

/** @param number - of the row over all files, from 0. */
export function originOf(row: SourceRow, number: number): RowOrigin {
  const { file, line, weight } = row;
  return { file, line, row: number, key: keyOf(row), ...(weight && { weight: weight.value }) };
}

/** 48 bits of a hash of the row's fields, whatever their order; a row that is weighed anew keeps its key. */
export function keyOf({ fields: all, weight }: SourceRow): number {
  const fields = Object.entries(all)
    .filter(([name]) => name !== weight?.field)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(fields)).digest().readUIntBE(0, 6);
}

function needTokenizer(encoding: RowEncoding, row: SourceRow): Tokenizer {
  if (encoding.tokenizer) return encoding.tokenizer;
  throw new DataError(`data: ${placeOf(row)}: a row of text needs a tokenizer, and the model's folder has none.`, {
    hint: "Add the model's tokenizer.json to its folder, or use rows of tokenIds.",
  });
}

export function missingTemplate(where: string, what: string): DataError {
  return new DataError(`data: ${where}: ${what} must be written by a chat template, and there is none.`, {
    hint: 'Set data.template to a Jinja file, or to "auto" with a tokenizer that has a chat template.',
  });
}

function unequalResponses(row: SourceRow, student: Turn, teacher: Turn | undefined): DataError {
  return new DataError(
    `data: ${placeOf(row)}: the chat template must write the response alike on both sides, ` +
      `got ${show(student.response)} for the student and ${show(teacher?.response)} for the teacher.`,
    { hint: "Set data.template to a template that writes an answer alike after every prompt." },
  );
}

/** The error of rows that teach nothing. */
export function nothingToLearn(
  report: TransferReport,
  { sequenceLength, teacherLength }: Pick<RowEncoding, "sequenceLength" | "teacherLength">,
  hintWithoutResponse = "Give the rows a response that is not empty.",
): DataError {
  const { rows, rowsWithoutResponse, droppedResponses, longTeacherViews } = report;
  const beyond = longTeacherViews > 0 ? `, and ${longTeacherViews} not into the teacher's ${teacherLength}` : "";
  return new DataError(
    `data: expected at least one row with a response token, got none: of ${rows} rows ${rowsWithoutResponse} have none, ` +
      `and ${droppedResponses} responses do not fit into ${sequenceLength} tokens${beyond}.`,
    {
      hint:
        longTeacherViews > 0
          ? "Shorten the context, or take a teacher that reads more."
          : droppedResponses > 0
            ? "Raise data.sequenceLength."
            : hintWithoutResponse,
      details: { ...report },
    },
  );
}
