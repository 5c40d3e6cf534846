/** @file Written responses as the student will see them: filtered, kept in files with the reasons, and turned into documents. */

import { join } from "node:path";
import { answer, makeDocument, originOf } from "../data/encode-rows.js";
import { encodeTurns } from "../data/encode-text.js";
import {
  type ChatTemplate,
  loadChatTemplate,
  type Message,
  makePrompt,
  type Span,
  type Tokenizer,
  type TransferDocument,
} from "../data/index.js";
import { placeOf } from "../data/source-row.js";
import { DataError } from "../errors.js";
import type { DropExample, DroppedResponses } from "../report/writing-report.js";
import { writeFileAtomically } from "../weights/index.js";
import { type Candidate, type Drop, dropReasons, filterResponses } from "../writing/filter-responses.js";
import type { AskedRow, WrittenText } from "../writing/written-response.js";
import type { SequenceConfig } from "./sequence-options.js";
import type { WrittenRows } from "./write-responses.js";

/** What is learned from, as rows of {prompt, response} or {messages}; and the rest, each with its reason. */
export const keptFile = "kept.jsonl";
export const droppedFile = "dropped.jsonl";

/** Dropped responses shown of each reason. */
const examplesShown = 3;

export interface KeptResponses {
  readonly documents: readonly TransferDocument[];
  readonly dropped: readonly DroppedResponses[];
}

export interface StudentReader {
  readonly tokenizer: Tokenizer;
  /** The writer's tokenizer is the student's: its ids are learned as they were written, never tokenized again. */
  readonly sharesTokenizer: boolean;
}

/** A response in the student's tokens. */
export interface Encoded {
  readonly candidate: Candidate;
  readonly span: Span;
  readonly asked: AskedRow;
  readonly seen: string | readonly Message[];
}

/**
 * Filters what was written, and writes both files anew.
 *
 * @throws DataError where nothing is left, with the counts of the reasons.
 */
export async function keepResponses(
  config: SequenceConfig,
  written: WrittenRows,
  reader: StudentReader,
): Promise<KeptResponses> {
  const encoded = await encodeResponses(config, written, reader);
  const { responses } = written;
  const drops = await filterResponses(
    encoded.map(({ candidate }) => candidate),
    config.filters,
    config.data.sequenceLength,
  );
  const lines = encoded.map((one, i) => lineOf(one, drops[i]));
  const write = (name: string, isWritten: (drop: Drop | undefined) => boolean) =>
    writeFileAtomically(join(config.output, name), (file) =>
      file.writeFile(lines.filter((_, i) => isWritten(drops[i])).join("")),
    );
  await write(keptFile, (drop) => drop === undefined);
  await write(droppedFile, (drop) => drop !== undefined);
  const dropped = countDrops(encoded, drops);
  const kept = encoded.filter((_, i) => drops[i] === undefined);
  const documents = kept.map((one) => documentOf(one, reader.tokenizer));
  if (documents.length === 0) throw nothingKept(responses.length, dropped, config.output);
  return { documents, dropped };
}

/** What the student sees of every response, and what the filters look at. */
export async function encodeResponses(
  config: Pick<SequenceConfig, "data" | "student">,
  { rows, responses }: Pick<WrittenRows, "rows" | "responses">,
  { tokenizer, sharesTokenizer }: StudentReader,
): Promise<readonly Encoded[]> {
  const chatTemplate = await loadChatTemplate(config.data.template, tokenizer);
  const prompt = makePrompt(config.student.prompt, "student.prompt");
  const encoded: Encoded[] = [];
  for (const response of responses) {
    const asked = rows[response.row]!;
    const seen = prompt.render(asked.row);
    const span = await spanOf(response, { asked, seen, tokenizer, chatTemplate, sharesTokenizer });
    const promptTokens = span.ids.length - span.learned;
    const candidate: Candidate = {
      ...response,
      promptText: typeof seen === "string" ? seen : JSON.stringify(seen),
      promptTokens,
      ids: Array.from(span.ids.subarray(promptTokens)),
    };
    encoded.push({ candidate, span, asked, seen });
  }
  return encoded;
}

/** A response as the student learns it. */
export function documentOf({ span, asked, candidate }: Encoded, tokenizer: Tokenizer): TransferDocument {
  return makeDocument(span, span, originOf(asked.row, candidate.row), tokenizer);
}

interface LearnedSpan extends Span {
  /** Tokens of the response. */
  readonly learned: number;
}

interface SpanContext extends StudentReader {
  readonly asked: AskedRow;
  readonly seen: string | readonly Message[];
  readonly chatTemplate: ChatTemplate | undefined;
}

/** The student's prompt and the response. A response that was cut has no end to be learned. */
async function spanOf(
  { response, finishReason, tokenIds }: WrittenText,
  { asked, seen, tokenizer, chatTemplate, sharesTokenizer }: SpanContext,
): Promise<LearnedSpan> {
  const turns = answer(seen, response, chatTemplate, placeOf(asked.row));
  const encoding = { tokenizer, sequenceLength: Number.POSITIVE_INFINITY, isChat: chatTemplate !== undefined };
  const { ids, responseMask } = (await encodeTurns(turns, turns, encoding)).views![0];
  // The first token of a document without a prompt is not learned, but belongs to the response.
  const start = Math.max(0, responseMask.indexOf(1));
  const promptTokens = start === 1 && seen === "" ? 0 : start;
  let own = sharesTokenizer && tokenIds ? tokenIds : Array.from(ids.subarray(promptTokens));
  if (finishReason === "length") while (own.length > 0 && tokenizer.isSpecial(own.at(-1)!)) own = own.slice(0, -1);
  const whole = Int32Array.from([...ids.subarray(0, promptTokens), ...own]);
  const mask = new Uint8Array(whole.length).fill(1, Math.max(1, promptTokens));
  return { ids: whole, responseMask: mask, learned: own.length };
}

function lineOf({ candidate, asked, seen }: Encoded, drop: Drop | undefined): string {
  const { response, row: _, promptText: __, promptTokens, ids, tokenIds: ___, ...written } = candidate;
  const { weight } = asked.row;
  const row = {
    ...(typeof seen === "string"
      ? { prompt: seen, response }
      : { messages: [...seen, { role: "assistant", content: response }] }),
    ...(weight && { [weight.field]: weight.value }),
  };
  const origin = placeOf(asked.row);
  const facts = { ...written, origin, promptTokens, responseTokens: ids.length };
  return `${JSON.stringify({ ...row, written: facts, ...(drop && { dropped: drop }) })}\n`;
}

function countDrops(encoded: readonly Encoded[], drops: readonly (Drop | undefined)[]): readonly DroppedResponses[] {
  return dropReasons.flatMap((reason) => {
    const examples: DropExample[] = [];
    let count = 0;
    for (const [i, drop] of drops.entries()) {
      if (drop?.reason !== reason) continue;
      const { candidate, asked } = encoded[i]!;
      if (count++ < examplesShown) {
        examples.push({ response: candidate.response.slice(0, 200), value: drop.value, origin: placeOf(asked.row) });
      }
    }
    return count === 0 ? [] : [{ reason, count, examples }];
  });
}

const hints: Readonly<Record<DroppedResponses["reason"], string>> = {
  refused: "Correct what the endpoint names.",
  filtered: "Change the prompts that the endpoint does not answer.",
  empty: "Look at writer.prompt: the writer ends before it begins.",
  unfinished: "Raise generation.maxTokens, or set filters.unfinished: keep.",
  window: "Raise data.sequenceLength.",
  length: "Change filters.length.",
  repetition: "Raise filters.repetition.maxShare, or generation.samplingTemperature.",
  language: "Correct filters.language, or writer.prompt.",
  "log-prob": "Lower filters.logProb.min.",
  agreement: "Lower filters.agreement.min.",
  duplicate: "Give other prompts.",
  "near-duplicate": "Raise filters.nearSimilarity.",
};

function nothingKept(written: number, dropped: readonly DroppedResponses[], output: string): DataError {
  const most = dropped.toSorted((a, b) => b.count - a.count)[0];
  const counts = dropped.map(({ reason, count }) => `${count} ${reason}`).join(", ");
  const [example] = most?.examples ?? [];
  const said = most?.reason === "refused" ? `; the first: ${example?.value}` : "";
  return new DataError(
    `data: expected at least one response to learn from, got none: of ${written} written, dropped are ${counts || "none"}${said}.`,
    {
      hint: `${most ? hints[most.reason] : "Shorten the prompts: none leaves the writer room to respond."} What was written is in ${join(output, droppedFile)}.`,
    },
  );
}
