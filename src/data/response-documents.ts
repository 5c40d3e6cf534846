/** @file Responses that a model wrote, as token ids, to documents: learned exactly as they were written, never tokenized again. */

import { emptyReport, makeDocument, nothingToLearn } from "./encode-rows.js";
import type { Tokenizer } from "./tokenizer.js";
import type { RowOrigin, Span, TransferDocument, TransferSet } from "./transfer-set.js";

/** A row as both sides see it before the response. */
export interface PromptedRow {
  readonly origin: RowOrigin;
  readonly student: readonly number[];
  readonly teacher: readonly number[];
  /** What was written to it, in the order of the samples; with the end token, where there is one, and never that alone. */
  readonly responses: readonly (readonly number[])[];
}

export interface ResponseEncoding {
  readonly tokenizer: Tokenizer;
  /** Longest document of the student's view. */
  readonly sequenceLength: number;
  /** Longest document of the teacher's view. */
  readonly teacherLength: number;
}

/**
 * One document per response: both prompts, each followed by the same ids, all of which are learned.
 *
 * A response that does not fit behind the student's prompt into `sequenceLength`, or
 * behind the teacher's into `teacherLength`, is left out and counted. A first token with nothing before it on one side is learned
 * on neither.
 *
 * @param rows - in the order of the documents.
 * @throws DataError when nothing is left to learn.
 */
export function documentsOfResponses(rows: readonly PromptedRow[], encoding: ResponseEncoding): TransferSet {
  const { tokenizer } = encoding;
  const documents: TransferDocument[] = [];
  const report = { ...emptyReport, rows: rows.length };
  for (const row of rows) {
    const { origin, student, teacher, responses } = row;
    const unfit = unfitSide(row, encoding);
    if (unfit !== undefined) {
      report[unfitCounts[unfit]]++;
      continue;
    }
    const isFirstLearned = student.length > 0 && teacher.length > 0;
    let learned = 0;
    for (const response of responses) {
      const unfit = unfitSide(row, encoding, response.length);
      if (unfit !== undefined) {
        report[unfitCounts[unfit]]++;
        learned++;
        continue;
      }
      const views = [student, teacher].map((prompt) => joinResponse(prompt, response, isFirstLearned));
      if (!views[0]!.responseMask.includes(1)) continue;
      documents.push(makeDocument(views[0]!, views[1]!, origin, tokenizer));
      learned++;
    }
    if (learned === 0) report.rowsWithoutResponse++;
  }
  if (documents.length === 0)
    throw nothingToLearn(report, encoding, "Change the teacher's prompt: it wrote nothing but ends.");
  return { documents, report };
}

/** The side that has no room for a response of so many tokens behind its prompt; undefined where both have. */
export function unfitSide(
  { student, teacher }: Pick<PromptedRow, "student" | "teacher">,
  { sequenceLength, teacherLength }: Omit<ResponseEncoding, "tokenizer">,
  responseTokens = 1,
): "student" | "teacher" | undefined {
  if (student.length + responseTokens > sequenceLength) return "student";
  return teacher.length + responseTokens > teacherLength ? "teacher" : undefined;
}

const unfitCounts = { student: "droppedResponses", teacher: "longTeacherViews" } as const;

function joinResponse(prompt: readonly number[], response: readonly number[], isFirstLearned: boolean): Span {
  const responseMask = new Uint8Array(prompt.length + response.length).fill(1, prompt.length);
  if (!isFirstLearned) responseMask[prompt.length] = 0;
  return { ids: Int32Array.from([...prompt, ...response]), responseMask };
}
