/** @file `limbeck score`: the log-probability of every token of a text. */

import type { Command } from "commander";
import * as z from "zod";
import { parseJsonInput } from "../config/parse-json-input.js";
import { type ScoreRequest, type ScoreResult, score } from "../evaluate/score.js";
import { formatNumber, formatPercent } from "../report/format.js";
import { type Context, jsonLine, makeCommand, readInput } from "./command.js";
import { UsageError } from "./print-error.js";
import { facts, table } from "./terminal.js";

const messagesSchema = z.array(z.strictObject({ role: z.string().min(1), content: z.string() })).min(1);

interface ScoreFlags {
  readonly text?: string;
  readonly file?: string;
  readonly ids?: string;
  readonly messages?: string;
  readonly response?: string;
  readonly topK: number;
  readonly precision?: "float32";
  readonly json?: boolean;
}

export function scoreCommand({ terminal: { out } }: Context): Command {
  return makeCommand(
    "score",
    "log-probability of every token of a text",
    "Print the log-probability of every token of a text under a model.",
    [
      ['score runs/mine/student --text "The state of the union"', "a text"],
      ["score runs/mine/student --file speech.txt --top-k 3", "a file, with the three likeliest tokens at each place"],
      ["score models/teacher --ids 1,42,7 --json", "token ids, as JSON"],
      ['score models/teacher --messages chat.json --response "Yes."', "a response to a conversation"],
    ],
  )
    .argument("<model>", "the model's folder")
    .option("--text <text>", "score this text; no special tokens are added, those written in it count as such")
    .option("--file <file>", 'score a file\'s text; "-" is standard input')
    .option("--ids <ids>", "score these token ids, such as 1,42,7")
    .option("--messages <file>", "a JSON list of { role, content }, scored with --response")
    .option("--response <text>", "the answer to --messages whose tokens are scored")
    .option("--top-k <count>", "likeliest tokens listed at each place", wholeNumber, 10)
    .option("--precision <name>", "what the model computes in: float32", precision)
    .option("--json", "print one JSON object")
    .action(async (model: string, flags: ScoreFlags) => {
      const result = await score(model, await readRequest(flags));
      out.write(flags.json ? jsonLine(result) : describeScore(result));
    });
}

/** Exactly one of the ways to say what is scored. */
async function readRequest({
  text,
  file,
  ids,
  messages,
  response,
  topK,
  precision,
}: ScoreFlags): Promise<ScoreRequest> {
  const ways = Object.entries({ text, file, ids, messages }).filter(([, value]) => value !== undefined);
  if (ways.length !== 1) {
    const got = ways.length === 0 ? "none" : ways.map(([way]) => `--${way}`).join(" and ");
    throw new UsageError(`score: expected one of --text, --file, --ids and --messages, got ${got}.`);
  }
  if ((messages === undefined) !== (response === undefined)) {
    throw new UsageError("score: expected --messages and --response together, got one of them.");
  }
  const common = { topK, ...(precision !== undefined && { precision }) };
  if (text !== undefined) return { ...common, text };
  if (file !== undefined) return { ...common, text: await readInput(file) };
  if (ids !== undefined) return { ...common, ids: parseIds(ids) };
  const conversation = parseJsonInput("score", messages!, await readInput(messages!), messagesSchema);
  return { ...common, messages: conversation, response: response! };
}

function parseIds(list: string): number[] {
  return list.split(",").map((id) => {
    if (!/^\s*\d+\s*$/.test(id)) throw new UsageError(`score: expected --ids like 1,42,7, got "${list}".`);
    return Number(id);
  });
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`score: expected a whole number for --top-k, got "${text}".`);
  return Number(text);
}

function precision(text: string): "float32" {
  if (text !== "float32") throw new UsageError(`score: expected float32 for --precision, got "${text}".`);
  return text;
}

function describeScore({ model, tokens, meanLogProb, perplexity, bitsPerByte }: ScoreResult): string {
  const summary = facts([
    ["model", model],
    ["tokens", String(tokens.length)],
    ["mean log-prob", `${formatNumber(meanLogProb)} nats`],
    ["perplexity", formatNumber(perplexity)],
    ...(bitsPerByte === null ? [] : [["bits per byte", formatNumber(bitsPerByte)] as const]),
  ]);
  const rows = tokens.map(({ id, text, logProb, topK }) => {
    const likeliest = topK
      .slice(0, 2)
      .map((token) => `${quoted(token.text, 9)} ${formatPercent(Math.exp(token.logProb))}`);
    return [
      String(id),
      quoted(text, 16),
      logProb === null ? "–" : formatNumber(logProb),
      logProb === null ? "–" : formatPercent(Math.exp(logProb)),
      logProb === null ? "" : likeliest.join("  "),
    ];
  });
  return `${summary}\n${table([["id", "token", "log-prob", "prob", "likeliest"], ...rows], [1, 4])}`;
}

/** A token's text in quotes, so that its spaces can be seen, in at most `width` columns. */
function quoted(text: string, width: number): string {
  const all = JSON.stringify(text);
  return all.length > width ? `${all.slice(0, width - 2)}…"` : all;
}
