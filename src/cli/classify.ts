/** @file `limbeck classify`: the class of a text, and how likely each class is. */

import type { Command } from "commander";
import type { ClassifyResult } from "../evaluate/classifier.js";
import { formatPercent } from "../report/format.js";
import { type Context, jsonLine, makeCommand, modelArgument, readInput } from "./command.js";
import { withDownloads } from "./downloads.js";
import { UsageError } from "./print-error.js";
import { facts, table } from "./terminal.js";

interface ClassifyFlags {
  readonly text?: string;
  readonly file?: string;
  readonly json?: boolean;
}

export function classifyCommand({ terminal: { out, err } }: Context): Command {
  return makeCommand(
    "classify",
    "the class of a text, with its probability",
    "Put a text into one of a classifier's classes, and print how likely each of them is.",
    [
      ['classify runs/spam/student --text "You have won a million"', "a text"],
      ["classify runs/spam/student --file mail.txt --json", "a file, as JSON"],
    ],
  )
    .argument("<model>", modelArgument)
    .option("--text <text>", "the text")
    .option("--file <file>", 'a file with the text; "-" is standard input')
    .option("--json", "print one JSON object")
    .action(async (model: string, { text, file, json }: ClassifyFlags) => {
      if ((text === undefined) === (file === undefined)) {
        const got = text === undefined ? "neither" : "both";
        throw new UsageError(`classify: expected one of --text and --file, got ${got}.`);
      }
      const read = text ?? (await readInput(file!));
      const { openClassifier } = await import("../evaluate/classifier.js");
      const { locateModel } = await import("../weights/hub/index.js");
      const path = await withDownloads(err, (download) => locateModel(model, download));
      const classifier = await openClassifier(path);
      try {
        const result = { model, ...(await classifier.classify({ text: read })) };
        out.write(json ? jsonLine(result) : describe(result));
      } finally {
        await classifier.dispose();
      }
    });
}

function describe({ model, label, probabilities, isCut }: ClassifyResult & { readonly model: string }): string {
  const rows = Object.entries(probabilities)
    .sort(([, a], [, b]) => b - a)
    .map(([name, share]) => [name, formatPercent(share)]);
  const summary = facts([
    ["model", model],
    ["class", label],
    ...(isCut ? [["read", "only the start: the text is longer than the model reads"] as const] : []),
  ]);
  return `${summary}\n${table([["class", "probability"], ...rows], [0])}`;
}
