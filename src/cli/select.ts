/** @file `limbeck select`: the rows that are worth learning from, by what a small model says of them. */

import { type Command, Option } from "commander";
import type { Range, Selection, SelectionRequest } from "../recipes/select-rows.js";
import { formatNumber, formatPercent } from "../report/format.js";
import { type Context, jsonLine, makeCommand } from "./command.js";
import { withInterrupt } from "./interrupt.js";
import { UsageError } from "./print-error.js";
import { showProgress } from "./progress.js";
import { facts } from "./terminal.js";

interface SelectFlags
  extends Pick<SelectionRequest, "model" | "other" | "by" | "share" | "keep" | "seed" | "output" | "template"> {
  readonly sequenceLength: number;
  readonly json?: boolean;
}

export function selectCommand({ terminal: { out, err } }: Context): Command {
  return makeCommand(
    "select",
    "keep the share of rows that a model picks",
    "Score rows with a small model, and keep a share of them to train a large one on.",
    [
      ["select rows.jsonl --model small --by ifd --share 0.1 --output kept.jsonl", "prompts that help most"],
      ["select rows.jsonl --model small --other large --by gap --output kept.jsonl", "what is still to be learned"],
      ["select mine.yaml --model small --by loss --output kept.jsonl", "the training rows of a config"],
      ["select rows.jsonl --model small --by random --output r.jsonl", "what a selection must beat"],
    ],
  )
    .argument("<rows>", "a file or glob of rows; or a config (.yaml), for the rows that it trains on")
    .requiredOption("--model <model>", "the model that scores")
    .option("--other <model>", "the model that it is compared with, for --by gap")
    .addOption(
      new Option("--by <way>", "loss, the gap to the other model, IFD, or chance")
        .choices(["loss", "gap", "ifd", "random"])
        .makeOptionMandatory(),
    )
    .option("--share <share>", "how much of the scored rows to keep, above 0, at most 1", shareOf, 0.3)
    .addOption(
      new Option("--keep <end>", "which scores (default: middle for loss, else highest)").choices([
        "lowest",
        "middle",
        "highest",
      ]),
    )
    .requiredOption("--output <file>", "where the kept rows go; the scores go beside it")
    .option("--seed <number>", "for --by random", wholeNumber, 0)
    .option("--template <template>", "chat template: auto, none or a file", "auto")
    .option("--sequence-length <tokens>", "longest document; longer text is split", wholeNumber, 512)
    .option("--json", "print one JSON object; progress goes to standard error")
    .action(async (path: string, { json, ...flags }: SelectFlags) => {
      const { selectInWorker } = await import("../recipes/run-in-worker.js");
      const request: SelectionRequest = {
        ...flags,
        ...(await rowsOf(path, flags)),
        other: flags.other,
        keep: flags.keep,
      };
      const progress = showProgress(err);
      try {
        const selection = await withInterrupt(progress.note, (signal) =>
          selectInWorker(request, { signal, onEvent: progress.show }),
        );
        progress.end();
        out.write(json ? jsonLine(selection) : describe(selection, flags.by));
      } finally {
        progress.end();
      }
    });
}

async function rowsOf(
  path: string,
  { template, sequenceLength }: SelectFlags,
): Promise<Pick<SelectionRequest, "sources" | "template" | "sequenceLength">> {
  if (path === "-") throw new UsageError("select: rows are read twice, so expected a file, got standard input.");
  if (!/\.ya?ml$/.test(path)) return { sources: path, template, sequenceLength };
  const { loadConfig } = await import("../config/load-config.js");
  const { data } = await loadConfig(path);
  if (!("template" in data)) {
    throw new UsageError(`select: expected a config that trains a language model, got ${path}.`);
  }
  return { sources: data.train, template: data.template, sequenceLength: data.sequenceLength };
}

function describe({ rows, kept, unscored, unhelped, scores, output, scoresFile }: Selection, by: string): string {
  const range = ({ low, median, high }: Range) =>
    `median ${formatNumber(median)}, ${formatNumber(low)} to ${formatNumber(high)}`;
  return facts([
    ["kept", `${kept.toLocaleString("en-US")} of ${rows.toLocaleString("en-US")} rows (${formatPercent(kept / rows)})`],
    ...(unscored > 0 ? [["not scored", `${unscored} rows: nothing to learn, or too long`] as const] : []),
    ...(unhelped > 0 ? [["IFD from 1", `${unhelped} rows, whose prompts do not help`] as const] : []),
    [`${by}, all`, range(scores.all)],
    [`${by}, kept`, range(scores.kept)],
    ["rows", output],
    ["scores", scoresFile],
  ]);
}

function shareOf(text: string): number {
  const share = Number(text);
  if (share > 0 && share <= 1) return share;
  throw new UsageError(`select: expected a number above 0, at most 1, for --share, got "${text}".`);
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`select: expected a whole number, got "${text}".`);
  return Number(text);
}
