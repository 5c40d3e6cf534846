/** @file The rows of a run whose responses the teacher writes: prompts of both sides, the responses, and the documents made of them. */

import { join } from "node:path";
import { encodePrompts } from "../data/encode-prompts.js";
import { originOf } from "../data/encode-rows.js";
import {
  countSharedRows,
  type DataOptions,
  defaultHeldOutFraction,
  type LoadedData,
  loadChatTemplate,
  makePrompt,
  readRows,
  type SourceRow,
  splitHeldOut,
  type Tokenizer,
  type TransferSet,
  warnAboutRows,
} from "../data/index.js";
import { documentsOfResponses, type PromptedRow, unfitSide } from "../data/response-documents.js";
import { expectWeights, weighRows } from "../data/row-weights.js";
import { placeOf } from "../data/source-row.js";
import { DataError } from "../errors.js";
import type { WrittenResponse } from "../generation/index.js";
import type { SidePrompts } from "./open-data.js";
import type { AnsweredRow } from "./teacher-responses.js";

/** The folder of the responses in a run's folder. */
export const responsesFolder = "responses";

export interface WrittenDataOptions {
  readonly data: DataOptions;
  readonly prompts: SidePrompts;
  /** Of teacher and student: they are the same. */
  readonly tokenizer: Tokenizer;
  /** Tokens that the teacher can read. */
  readonly teacherLength: number;
  /** Where the responses are kept. */
  readonly folder: string;
  /** Brings the responses to rows, from a file or by writing them into it. */
  readonly respond: (file: string, rows: readonly AnsweredRow[]) => Promise<readonly WrittenResponse[]>;
}

/** What the teacher wrote. */
export interface WritingFacts {
  readonly responses: number;
  readonly tokens: number;
  /** Responses that reached the most tokens, and so have no end to be learned. */
  readonly cut: number;
  /** Responses of an end token alone. */
  readonly empty: number;
}

export interface WrittenData extends LoadedData {
  readonly writing: WritingFacts;
}

/** Reads the rows, has them answered, and splits the documents as `loadData` does. */
export async function openWrittenData(options: WrittenDataOptions): Promise<WrittenData> {
  const { train, heldOut, heldOutFraction = defaultHeldOutFraction, weightField } = options.data;
  const facts = { responses: 0, tokens: 0, cut: 0, empty: 0 };
  const open = async (read: AsyncIterable<SourceRow>, name: string): Promise<TransferSet> => {
    const rows: SourceRow[] = [];
    let weightlessRows = 0;
    for await (const row of weighRows(read, weightField, () => weightlessRows++)) rows.push(row);
    const { documents, report } = await answerRows(rows, join(options.folder, `${name}.jsonl`), options, facts);
    return { documents, report: { ...report, ...(weightlessRows > 0 && { weightlessRows }) } };
  };
  const all = await open(expectWeights(readRows(train), weightField), "train");
  const warnings = [...warnAboutRows(all.report)];
  let data: Omit<LoadedData, "warnings">;
  if (heldOut === undefined) {
    data = { ...splitHeldOut(all.documents, heldOutFraction), report: { train: all.report, heldOut: undefined } };
  } else {
    const held = await open(readRows(heldOut), "held-out");
    warnings.push(...warnAboutRows(held.report));
    const overlap = countSharedRows(all.documents, held.documents);
    if (overlap.shared > 0) {
      warnings.push({
        code: "held-out-rows-in-train",
        message: `${overlap.shared} of ${overlap.heldOut} held-out rows are training rows too: what is measured on them says little about new text.`,
      });
    }
    data = { train: all.documents, heldOut: held.documents, report: { train: all.report, heldOut: held.report } };
  }
  if (facts.cut > 0) {
    warnings.push({
      code: "cut-responses",
      message: `${facts.cut} of ${facts.responses} responses reached responses.maxTokens: they are learned without an end.`,
    });
  }
  return { ...data, warnings, writing: facts };
}

type Counts = { -readonly [Key in keyof WritingFacts]: number };

async function answerRows(
  rows: readonly SourceRow[],
  file: string,
  { data, prompts, tokenizer, teacherLength, respond }: WrittenDataOptions,
  facts: Counts,
): Promise<TransferSet> {
  const chatTemplate = await loadChatTemplate(data.template, tokenizer);
  const encode = (side: "student" | "teacher") =>
    encodePrompts(rows, makePrompt(prompts[side], `${side}.prompt`), { tokenizer, chatTemplate });
  const [student, teacher] = [await encode("student"), await encode("teacher")];
  const prompted = rows.map((row, i): Omit<PromptedRow, "responses"> => {
    return { origin: originOf(row, i), student: student[i]!, teacher: teacher[i]! };
  });
  const unseen = prompted.find(({ teacher }) => teacher.length === 0);
  if (unseen) {
    throw new DataError(`data: ${placeOf(unseen.origin)}: the teacher must see something to respond to, got nothing.`, {
      hint: "Correct teacher.prompt, or give the row's fields some text.",
    });
  }
  const lengths = { tokenizer, sequenceLength: data.sequenceLength, teacherLength };
  const answered = prompted.flatMap((row, i) => (unfitSide(row, lengths) === undefined ? [i] : []));
  const written = await respond(
    file,
    answered.map((i) => ({ row: rows[i]!, place: i, key: prompted[i]!.origin.key, prompt: prompted[i]!.teacher })),
  );
  const responses = rows.map((): (readonly number[])[] => []);
  for (const { prompt, ids, finishReason } of written) {
    facts.responses++;
    facts.tokens += ids.length;
    if (finishReason === "length") facts.cut++;
    const isEnd = (id: number, i: number) =>
      tokenizer.isSpecial(id) || (finishReason === "stop" && i === ids.length - 1);
    if (ids.every(isEnd)) facts.empty++;
    else responses[answered[prompt]!]!.push(ids);
  }
  return documentsOfResponses(
    prompted.map((row, i) => ({ ...row, responses: responses[i]! })),
    lengths,
  );
}
