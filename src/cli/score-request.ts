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
  readonly topK: number;
  readonly precision?: Precision;
  readonly json?: boolean;
}

const messagesSchema = z.array(z.strictObject({ role: z.string().min(1), content: z.string() })).min(1);

/** Exactly one of the ways to say what is scored. */
export async function readScoreRequest({
  text,
  file,
  ids,
  messages,
  response,
  topK,
}: ScoreFlags): Promise<ScoreRequest> {
  const ways = Object.entries({ text, file, ids, messages }).filter(([, value]) => value !== undefined);
  if (ways.length !== 1) {
    const got = ways.length === 0 ? "none" : ways.map(([way]) => `--${way}`).join(" and ");
    throw new UsageError(`score: expected one of --text, --file, --ids and --messages, got ${got}.`);
  }
  if ((messages === undefined) !== (response === undefined)) {
    throw new UsageError("score: expected --messages and --response together, got one of them.");
  }
  if (text !== undefined) return { topK, text };
  if (file !== undefined) return { topK, text: await readInput(file) };
  if (ids !== undefined) return { topK, ids: parseIds(ids) };
  const conversation = parseJsonInput("score", messages!, await readInput(messages!), messagesSchema);
  return { topK, messages: conversation, response: response! };
}

function parseIds(list: string): number[] {
  return list.split(",").map((id) => {
    if (!/^\s*\d+\s*$/.test(id)) throw new UsageError(`score: expected --ids like 1,42,7, got "${list}".`);
    return Number(id);
  });
}
