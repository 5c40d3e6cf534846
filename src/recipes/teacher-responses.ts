/**
 * @file Responses that the teacher writes, kept in the run's folder as JSON lines while they are written: a run that was
 * interrupted goes on behind the last whole line, and its file ends as it would have ended without a break.
 */

import { open } from "node:fs/promises";
import type { SourceRow, Tokenizer } from "../data/index.js";
import { DataError } from "../errors.js";
import { makeTokenGenerator, type WrittenResponse, writeResponses } from "../generation/index.js";
import { findStopTokens } from "../generation/stop-tokens.js";
import type { LoadedModel } from "../weights/load-model.js";
import type { GenerationOptions } from "./generation-options.js";
import { readWholeLines } from "./whole-lines.js";

/** A row to be answered. */
export interface AnsweredRow {
  readonly row: SourceRow;
  /** Place of the row among all of its split. */
  readonly place: number;
  /** 48 bits of a hash of the row's content. */
  readonly key: number;
  /** What the teacher sees. */
  readonly prompt: readonly number[];
}

/** One line of the file: the row's fields with the response, and how it was written. */
interface ResponseLine {
  readonly response: string;
  readonly written: Omit<WrittenResponse, "prompt" | "ids"> & {
    /** Place of the row among all of its split. */
    readonly row: number;
    readonly key: number;
    readonly tokenIds: readonly number[];
  };
}

export interface WritingContext {
  readonly teacher: { readonly load: () => Promise<LoadedModel>; readonly tokenizer: Tokenizer };
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Completes a file of responses.
 *
 * @returns all of them, in the order of the rows and samples.
 * @throws InterruptedError when the signal is aborted; what is written by then stays.
 */
export async function completeResponses(
  file: string,
  rows: readonly AnsweredRow[],
  options: GenerationOptions,
  { teacher: { load, tokenizer }, threads, signal, onProgress }: WritingContext,
): Promise<readonly WrittenResponse[]> {
  const { samples, ...sampling } = options;
  const total = rows.length * samples;
  const all = [...(await readResponses(file, rows))];
  if (all.length > 0) onProgress(all.length, total);
  if (all.length < total) {
    const model = await load();
    const generator = await makeTokenGenerator(model, { threads });
    const output = await open(file, "a");
    try {
      const stopTokens = await findStopTokens(model, tokenizer);
      const prompts = rows.map(({ prompt }) => prompt);
      const writing = { ...sampling, samples, stopTokens, done: all.length, signal };
      for await (const response of writeResponses(generator, model, prompts, writing)) {
        await output.write(lineOf(response, rows[response.prompt]!, tokenizer));
        all.push(response);
        onProgress(all.length, total);
      }
      await output.sync();
    } finally {
      await output.close();
      await generator.dispose();
    }
  }
  return all.sort((a, b) => a.prompt - b.prompt || a.sample - b.sample);
}

/**
 * What a file holds of the responses to these rows; a last line that was cut short is removed from it.
 *
 * @throws DataError where it belongs to other rows.
 */
export async function readResponses(file: string, rows: readonly AnsweredRow[]): Promise<readonly WrittenResponse[]> {
  const byPlace = new Map(rows.map(({ place, key }, prompt) => [place, { prompt, key }]));
  return (await readWholeLines(file)).map((line, i) => parseLine(line, `${file}:${i + 1}`, byPlace));
}

function lineOf(
  { prompt: _, ids, ...written }: WrittenResponse,
  { row, place, key }: AnsweredRow,
  tokenizer: Tokenizer,
): string {
  const response = tokenizer.decode(ids.filter((id) => !tokenizer.isSpecial(id)));
  const line: ResponseLine = { response, written: { row: place, key, ...written, tokenIds: ids } };
  return `${JSON.stringify({ ...row.fields, ...line })}\n`;
}

function parseLine(
  line: string,
  where: string,
  rows: ReadonlyMap<number, { readonly prompt: number; readonly key: number }>,
): WrittenResponse {
  let written: Partial<ResponseLine["written"]> | undefined;
  try {
    written = (JSON.parse(line) as Partial<ResponseLine>).written;
  } catch {
    written = undefined;
  }
  const { row = -1, key, sample, tokenIds, finishReason, logProb } = written ?? {};
  const isResponse = [sample, logProb].every(Number.isFinite) && Array.isArray(tokenIds) && finishReason !== undefined;
  const known = rows.get(row);
  if (isResponse && known?.key === key) {
    return { prompt: known!.prompt, sample: sample!, ids: tokenIds, finishReason, logProb: logProb! };
  }
  throw new DataError(`data: ${where}: expected a response to one of this run's rows, got another line.`, {
    hint: "Put back the rows that the run was started with, or start a new run with --output.",
  });
}
