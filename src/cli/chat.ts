/** @file `limbeck chat`: a conversation with a model in the terminal, or one answer to a prompt on standard input. */

import type { Command } from "commander";
import { DataError } from "../errors.js";
import { gotClassifier } from "../evaluate/got-classifier.js";
import type { Model } from "../evaluate/load-model.js";
import type { GenerateResult } from "../generation/generate-text.js";
import type { Sampling } from "../generation/sampling.js";
import type { Precision } from "../weights/quantize/index.js";
import { type Context, jsonLine, makeCommand, modelArgument, precisionOption, readInput } from "./command.js";
import { withDownloads } from "./downloads.js";
import { withInterrupt } from "./interrupt.js";
import { UsageError } from "./print-error.js";
import type { Output } from "./terminal.js";

interface ChatFlags {
  readonly system?: string;
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  readonly precision?: Precision;
  readonly json?: boolean;
}

export function chatCommand({ terminal }: Context): Command {
  return makeCommand(
    "chat",
    "talk to a model, or have it continue a text",
    "Talk to a model. One without a chat template continues each line that it is given.",
    [
      ["chat runs/mine/student", "Ctrl-C stops an answer, Ctrl-D leaves"],
      [
        'chat models/teacher --system "Answer in one word." --temperature 0.7',
        "with a system message, drawn at random",
      ],
      ["chat smollm2-135m-instruct --precision int8", "a real model of 135M parameters, downloaded once, in 8 bits"],
      ["chat models/teacher --json < question.txt", "one answer to standard input, as JSON"],
    ],
  )
    .argument("<model>", modelArgument)
    .option("--system <text>", "a system message before the conversation")
    .option("--max-tokens <count>", "most tokens of an answer", number("--max-tokens"), 512)
    .option(
      "--temperature <number>",
      "0 (the default) takes the likeliest token; higher draws",
      number("--temperature"),
    )
    .option("--top-k <count>", "draw among so many likeliest tokens", number("--top-k"))
    .option("--top-p <share>", "draw among the fewest that hold this probability", number("--top-p"))
    .option("--min-p <share>", "draw among those with this share of the likeliest's", number("--min-p"))
    .option("--repetition-penalty <number>", "above 1 avoids tokens seen before", number("--repetition-penalty"))
    .option("--seed <number>", "start of the random numbers", number("--seed"))
    .addOption(precisionOption("what the model computes in; fewer bits write faster"))
    .option("--json", "print one JSON object per answer")
    .action(async (name: string, flags: ChatFlags) => {
      const { loadModel } = await import("../evaluate/load-model.js");
      await using model = await withDownloads(terminal.err, (download) =>
        loadModel(name, { ...download, precision: flags.precision }),
      );
      if (model.classes) throw gotClassifier("chat", name);
      if (flags.system !== undefined && !model.hasChatTemplate) {
        throw new UsageError(`chat: --system needs a model with a chat template, which "${name}" does not have.`);
      }
      if (process.stdin.isTTY === true) {
        const { converse } = await import("./converse.js");
        await converse(makeChat(name, model, flags, terminal.out), terminal.err);
        return;
      }
      const text = (await readInput("-")).replace(/\r?\n$/, "");
      if (text === "") throw new DataError("chat: expected a prompt on standard input, got nothing.");
      await withInterrupt(
        () => {},
        (signal) => makeChat(name, model, flags, terminal.out).answer(text, signal),
      );
    });
}

/** A conversation and its answers so far. */
export interface Chat {
  /** Answers what was said, and writes the answer as it comes; what was written until an interruption is remembered too. */
  answer(text: string, signal: AbortSignal): Promise<void>;
}

/** Begins a conversation; answers go to `out`, as text or as JSON. */
export function makeChat(path: string, model: Model, flags: ChatFlags, out: Output): Chat {
  const { system, json: isJson, maxTokens } = flags;
  let messages: readonly { readonly role: string; readonly content: string }[] =
    system === undefined ? [] : [{ role: "system", content: system }];
  return {
    async answer(text, signal) {
      const asked = [...messages, { role: "user", content: text }];
      const request = model.hasChatTemplate ? { messages: asked } : { prompt: text };
      const pieces = model.generate({ ...request, ...samplingOf(flags), maxTokens, signal });
      let said = "";
      try {
        const result = await readPieces(pieces, (piece) => {
          said += piece;
          if (!isJson) out.write(out.isTerminal ? withoutControls(piece) : piece);
        });
        if (isJson) out.write(jsonLine({ model: path, ...result }));
      } finally {
        if (said !== "") messages = [...asked, { role: "assistant", content: said }];
        if (!isJson && said !== "") out.write("\n");
      }
    },
  };
}

async function readPieces(
  pieces: AsyncGenerator<string, GenerateResult, void>,
  write: (piece: string) => void,
): Promise<GenerateResult> {
  for (;;) {
    const { value, done } = await pieces.next();
    if (done) return value;
    write(value);
  }
}

function samplingOf({ temperature, topK, topP, minP, repetitionPenalty, seed }: ChatFlags): Sampling {
  const given = { samplingTemperature: temperature, topK, topP, minP, repetitionPenalty, seed };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** A model must not be able to move the cursor or rename the window. */
function withoutControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => (control === "\n" || control === "\t" ? control : ""));
}

function number(flag: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value)) {
      throw new UsageError(`chat: expected a number for ${flag}, got "${text}".`);
    }
    return value;
  };
}
