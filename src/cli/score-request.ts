/** @file What `limbeck score` is asked to score, from its flags. */

import * as z from "zod";
import { parseJsonInput } from "../config/parse-json-input.js";
import type { ScoreRequest } from "../evaluate/score.js";
import type { Precision } from "../weights/quantize/precision.js";
import { readInput } from "./command.js";
import { UsageError } from "./print-error.js";

export interface ScoreFlags {
  readonly text?: string;
  readonly file?: string;
  readonly ids?: string;
  readonly messages?: string;
  readonly response?: string;
  readonly row?: string;
  readonly side?: "student" | "teacher";
  readonly topK: number;
  readonly precision?: Precision;
  readonly json?: boolean;
}

const messagesSchema = z.array(z.strictObject({ role: z.string().min(1), content: z.string() })).min(1);

/** What is scored, by exactly one of the ways to say it, and the model: the named one, or that of a run's side. */
export async function readScoreRequest(
  model: string,
  { text, file, ids, messages, response, row, side, topK }: ScoreFlags,
): Promise<{ readonly path: string; readonly request: ScoreRequest }> {
  const ways = Object.entries({ text, file, ids, messages, row }).filter(([, value]) => value !== undefined);
  if (ways.length !== 1) {
    const got = ways.length === 0 ? "none" : ways.map(([way]) => `--${way}`).join(" and ");
    throw new UsageError(`score: expected one of --text, --file, --ids, --messages and --row, got ${got}.`);
  }
  if ((messages === undefined) !== (response === undefined)) {
    throw new UsageError("score: expected --messages and --response together, got one of them.");
  }
  if (side !== undefined && row === undefined) throw new UsageError("score: expected --side beside --row.");
  if (row !== undefined) {
    const { readRowRequest } = await import("./score-row.js");
    const { path, ...request } = await readRowRequest(model, row, side ?? "student");
    return { path, request: { topK, ...request } };
  }
  const whole = (request: ScoreRequest) => ({ path: model, request: { topK, ...request } });
  if (text !== undefined) return whole({ text });
  if (file !== undefined) return whole({ text: await readInput(file) });
  if (ids !== undefined) return whole({ ids: parseIds(ids) });
  const conversation = parseJsonInput("score", messages!, await readInput(messages!), messagesSchema);
  return whole({ messages: conversation, response: response! });
}

function parseIds(list: string): number[] {
  return list.split(",").map((id) => {
    if (!/^\s*\d+\s*$/.test(id)) throw new UsageError(`score: expected --ids like 1,42,7, got "${list}".`);
    return Number(id);
  });
}
