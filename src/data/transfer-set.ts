/** @file The transfer set: every document as token ids in both views, and what became of the rows it was made from. */

import type { RowPlace } from "./source-row.js";

/** One view of a document. */
export interface Span {
  /** `[tokens]`. */
  readonly ids: Int32Array;
  /** `[tokens]`; 1 where the token is learned, which is never so for the first. */
  readonly responseMask: Uint8Array;
}

/** A document as the student and the teacher see it. The n-th learned token is the same id in both. */
export interface TransferDocument {
  readonly student: Span;
  /** The same object as `student` where both sides see the same tokens. */
  readonly teacher: Span;
  /** Learned tokens. */
  readonly responseTokens: number;
  /** UTF-8 bytes of the learned tokens' text, for bits per byte; undefined without a tokenizer. */
  readonly responseBytes: number | undefined;
  /** False where the learned tokens are not to be looked at, and only a teacher says what follows; true where left out. */
  readonly hasGroundTruth?: boolean;
  readonly origin: RowOrigin;
  /** Where the document is put into a class instead of being read on: its one response row. */
  readonly classified?: ClassifiedRow;
}

/** The one row of a document that is put into a class. */
export interface ClassifiedRow {
  /** The class's number, or `noTarget` where it is not known. */
  readonly target: number;
  /** The positions at which the student, and the teacher, tell the class. */
  readonly studentPosition: number;
  readonly teacherPosition: number;
  /** What the row's weight is multiplied by in terms that look at the class; 1 where left out. */
  readonly classWeight?: number;
  /** How likely each class is, by the data; the same for all documents of a set. */
  readonly probabilities?: Float32Array;
}

/** The row that a document was made from. */
export interface RowOrigin extends RowPlace {
  /** Number of the row over all files, from 0. */
  readonly row: number;
  /** 48 bits of a hash of the row's content: equal rows have equal keys. */
  readonly key: number;
  /** How much each of its learned tokens counts; 1 where left out. */
  readonly weight?: number;
}

/** What became of the rows. */
export interface TransferReport {
  readonly rows: number;
  /** Rows of which no token is learned: an empty response, no assistant turn, a mask of zeros. */
  readonly rowsWithoutResponse: number;
  /** Responses that do not fit into `sequenceLength` with what comes before them, and are left out. */
  readonly droppedResponses: number;
  /** Responses that do not fit behind the teacher's prompt into what the teacher can read, and are left out. */
  readonly longTeacherViews: number;
  /** Rows of text that were split into windows. */
  readonly splitRows: number;
  /** Rows of token ids longer than `sequenceLength`, which are taken as they are. */
  readonly longRows: number;
  /** Rows left out because they weigh nothing, which are counted nowhere else; none where left out. */
  readonly weightlessRows?: number;
}

/** Documents with the report of their making. */
export interface TransferSet {
  readonly documents: readonly TransferDocument[];
  readonly report: TransferReport;
}

/** Sizes of a set of documents. */
export interface TransferSize {
  readonly documents: number;
  /** Tokens of the student's view. */
  readonly tokens: number;
  readonly teacherTokens: number;
  readonly responseTokens: number;
  /** Undefined when some document has none. */
  readonly responseBytes: number | undefined;
}

/** How many rows of data the documents were made of; a row that was split counts once. */
export function countSourceRows(documents: readonly TransferDocument[]): number {
  return new Set(documents.map(({ origin }) => `${origin.file}:${origin.row}`)).size;
}

/** Adds up a set's documents. */
export function measureDocuments(documents: readonly TransferDocument[]): TransferSize {
  let [tokens, teacherTokens, responseTokens] = [0, 0, 0];
  let responseBytes: number | undefined = 0;
  for (const document of documents) {
    tokens += document.student.ids.length;
    teacherTokens += document.teacher.ids.length;
    responseTokens += document.responseTokens;
    responseBytes =
      document.responseBytes === undefined || responseBytes === undefined
        ? undefined
        : responseBytes + document.responseBytes;
  }
  return { documents: documents.length, tokens, teacherTokens, responseTokens, responseBytes };
}

/** What a user should know about the rows that were not used as written, one warning each. */
export function warnAboutRows(report: TransferReport): { readonly code: string; readonly message: string }[] {
  const { rows, rowsWithoutResponse, droppedResponses, longTeacherViews, longRows, weightlessRows = 0 } = report;
  const warnings: { code: string; message: string }[] = [];
  if (weightlessRows > 0) {
    warnings.push({
      code: "weightless-rows",
      message: `${weightlessRows} rows have the weight 0 and are left out.`,
    });
  }
  if (rowsWithoutResponse > 0) {
    warnings.push({
      code: "rows-without-response",
      message: `${rowsWithoutResponse} of ${rows} rows have no response token and are left out.`,
    });
  }
  if (droppedResponses > 0) {
    warnings.push({
      code: "dropped-responses",
      message: `${droppedResponses} responses do not fit into data.sequenceLength and are left out.`,
    });
  }
  if (longTeacherViews > 0) {
    warnings.push({
      code: "long-teacher-views",
      message: `${longTeacherViews} responses do not fit behind the teacher's prompt into what the teacher can read, and are left out.`,
    });
  }
  if (longRows > 0) {
    warnings.push({
      code: "long-rows",
      message: `${longRows} rows of tokenIds are longer than data.sequenceLength; sequences are as long as the longest of them.`,
    });
  }
  return warnings;
}
