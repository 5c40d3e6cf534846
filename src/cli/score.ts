/** @file `limbeck score`: the log-probability of every token of a text. */

import { type Command, Option } from "commander";
import type { ScoreResult } from "../evaluate/score.js";
import { formatNumber, formatPercent } from "../report/format.js";
import { type Context, jsonLine, makeCommand, modelArgument, precisionOption } from "./command.js";
import { withDownloads } from "./downloads.js";
import { UsageError } from "./print-error.js";
import type { ScoreFlags } from "./score-request.js";
import { facts, table } from "./terminal.js";

export function scoreCommand({ terminal: { out, err } }: Context): Command {
  return makeCommand(
    "score",
    "log-probability of every token of a text",
    "Print the log-probability of every token of a text under a model.",
    [
      ['score runs/mine/student --text "The state of the union"', "a text"],
      ["score runs/mine/student --file speech.txt --top-k 3", "a file, with the three likeliest tokens at each place"],
      ["score models/teacher --ids 1,42,7 --json", "token ids, as JSON"],
      ['score HuggingFaceTB/SmolLM2-135M-Instruct --text "Hello"', "a model on the Hugging Face hub"],
      ['score models/teacher --messages chat.json --response "Yes."', "a response to a conversation"],
      ["score runs/mine --row row.json", "the response of a row, by a context run's student, without the context"],
      ["score runs/mine --row row.json --side teacher", "the same by its teacher, who sees the context"],
    ],
  )
    .argument("<model>", modelArgument)
    .option("--text <text>", "score this text; no special tokens are added, those written in it count as such")
    .option("--file <file>", 'score a file\'s text; "-" is standard input')
    .option("--ids <ids>", "score these token ids, such as 1,42,7")
    .option("--messages <file>", "a JSON list of { role, content }, scored with --response")
    .option("--response <text>", "the answer to --messages whose tokens are scored")
    .option("--row <file>", 'with a run of the context recipe: a row as JSON, with its response; "-" is standard input')
    .addOption(new Option("--side <side>", "whose view of the row").choices(["student", "teacher"]))
    .option("--top-k <count>", "likeliest tokens listed at each place", wholeNumber, 10)
    .addOption(precisionOption("what the model computes in"))
    .option("--json", "print one JSON object")
    .action(async (model: string, flags: ScoreFlags) => {
      const { readScoreRequest } = await import("./score-request.js");
      const { path: named, request } = await readScoreRequest(model, flags);
      const { score } = await import("../evaluate/score.js");
      const { locateModel } = await import("../weights/hub/index.js");
      const path = await withDownloads(err, (download) => locateModel(named, download));
      const result = { ...(await score(path, request, { precision: flags.precision })), model };
      out.write(flags.json ? jsonLine(result) : describeScore(result));
    });
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`score: expected a whole number for --top-k, got "${text}".`);
  return Number(text);
}

function describeScore({ model, tokens, meanLogProb, perplexity, bitsPerByte }: ScoreResult): string {
  const summary = facts([
    ["model", model],
    ["tokens", String(tokens.length)],
    ...(meanLogProb === null ? [] : [["mean log-prob", `${formatNumber(meanLogProb)} nats`] as const]),
    ...(perplexity === null ? [] : [["perplexity", formatNumber(perplexity)] as const]),
    ...(bitsPerByte === null ? [] : [["bits per byte", formatNumber(bitsPerByte)] as const]),
  ]);
  const rows = tokens.map(({ id, text, logProb, topK }) => {
    const likeliest = topK.slice(0, 2).map((token) => `${shown(token, 9)} ${formatPercent(Math.exp(token.logProb))}`);
    return [
      String(id),
      shown({ id, text }, 16),
      logProb === null ? "–" : formatNumber(logProb),
      logProb === null ? "–" : formatPercent(Math.exp(logProb)),
      logProb === null ? "" : likeliest.join("  "),
    ];
  });
  return `${summary}\n${table([["id", "token", "log-prob", "prob", "likeliest"], ...rows], [1, 4])}`;
}

/** A token's text in quotes, so that its spaces can be seen, in at most `width` columns; its id where it has no text. */
function shown({ id, text }: { readonly id: number; readonly text: string }, width: number): string {
  if (text === "") return `#${id}`;
  const all = JSON.stringify(text);
  return all.length > width ? `${all.slice(0, width - 2)}…"` : all;
}
