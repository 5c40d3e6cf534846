/**
 * @file Responses that an endpoint writes, kept in the run's folder as JSON lines as they come. What fails ends the writing only
 * after all that was asked for has come; a run that goes on asks for nothing twice.
 */

import { open } from "node:fs/promises";
import { DataError, InterruptedError, LimbeckError } from "../errors.js";
import type { Endpoint, EndpointRequest } from "../writing/endpoint.js";
import type { AskedRow, WrittenText } from "../writing/written-response.js";
import type { GenerationOptions } from "./generation-options.js";
import { readWholeLines } from "./whole-lines.js";

/** One line of the file: the row's fields with the response, and how it was written. */
interface ResponseLine {
  readonly response: string;
  readonly written: Omit<WrittenText, "response"> & { readonly key: number };
}

export interface AskingContext {
  readonly endpoint: Endpoint;
  readonly concurrency: number;
  readonly wantsLogProb: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (written: readonly WrittenText[], total: number) => void;
}

/**
 * Completes a file of responses.
 *
 * @returns all of them, in the order of the rows and samples.
 * @throws LimbeckError what the endpoint's client threw, once all requests in flight have ended; `INTERRUPTED`.
 */
export async function completeFromEndpoint(
  file: string,
  rows: readonly AskedRow[],
  options: GenerationOptions,
  { endpoint, concurrency, wantsLogProb, signal, onProgress }: AskingContext,
): Promise<readonly WrittenText[]> {
  const { samples } = options;
  const total = rows.length * samples;
  const all = (await readWholeLines(file)).map((line, i) => parseLine(line, `${file}:${i + 1}`, rows));
  const known = new Set(all.map(({ row, sample }) => row * samples + sample));
  const turns = Array.from({ length: total }, (_, turn) => turn).filter((turn) => !known.has(turn));
  if (all.length > 0) onProgress(all, total);
  const output = await open(file, "a");
  let failure: unknown;
  let next = 0;
  let lastWrite = Promise.resolve();
  const ask = async (): Promise<void> => {
    while (failure === undefined && next < turns.length) {
      const turn = turns[next++]!;
      const [row, sample] = [Math.floor(turn / samples), turn % samples];
      const request: EndpointRequest = {
        prompt: rows[row]!.prompt,
        maxTokens: options.maxTokens,
        samplingTemperature: options.samplingTemperature,
        topP: options.topP,
        seed: options.seed + turn,
        wantsLogProb,
      };
      const written = await answer(endpoint, request, signal, all.length > 0).catch((error: unknown) => {
        failure ??= error;
        return undefined;
      });
      if (written === undefined) return;
      const response = { row, sample, ...written };
      // One line after the other, each whole.
      lastWrite = lastWrite.then(async () => void (await output.write(lineOf(response, rows[row]!))));
      await lastWrite;
      all.push(response);
      onProgress(all, total);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, turns.length) }, ask));
    await output.sync();
  } finally {
    await output.close();
  }
  if (failure !== undefined) throw withCount(failure, all.length, total);
  return all.sort((a, b) => a.row - b.row || a.sample - b.sample);
}

/** @param isTrusted - the endpoint has answered before, so that a request that it refuses is one row's matter. */
async function answer(
  endpoint: Endpoint,
  request: EndpointRequest,
  signal: AbortSignal,
  isTrusted: boolean,
): Promise<Omit<WrittenText, "row" | "sample">> {
  try {
    const { text, ...completion } = await endpoint.complete(request, signal);
    return { response: text, ...completion };
  } catch (error) {
    if (!isTrusted || !(error instanceof LimbeckError) || error.code !== "ENDPOINT_REFUSED") throw error;
    return { response: "", finishReason: "refused", logProb: null, tokens: null, refusal: error.message };
  }
}

function withCount(error: unknown, written: number, total: number): unknown {
  if (!(error instanceof LimbeckError)) return error;
  const message = `${error.message.replace(/\.$/, "")}; ${written} of ${total} responses are written.`;
  if (error.code === "INTERRUPTED") return new InterruptedError(message, { cause: error });
  return new LimbeckError("ENDPOINT", message, { ...(error.hint !== undefined && { hint: error.hint }), cause: error });
}

function lineOf({ response, ...written }: WrittenText, { row, key }: AskedRow): string {
  const line: ResponseLine = { response, written: { key, ...written } };
  return `${JSON.stringify({ ...row.fields, ...line })}\n`;
}

function parseLine(text: string, where: string, rows: readonly AskedRow[]): WrittenText {
  let line: Partial<ResponseLine> = {};
  try {
    line = JSON.parse(text) as Partial<ResponseLine>;
  } catch {
    // No line of ours: refused below.
  }
  const { response, written } = line;
  if (typeof response === "string" && Number.isInteger(written?.sample) && rows[written!.row]?.key === written!.key) {
    const { key: _, ...facts } = written!;
    return { response, ...facts };
  }
  throw new DataError(`data: ${where}: expected a response to one of this run's rows, got another line.`, {
    hint: "Put back the rows that the run was started with, or start a new run with --output.",
  });
}
