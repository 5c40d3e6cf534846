/** @file What the commands share: their context, their common options and how their help looks. */

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Command, Option } from "commander";
import { DataError, LimbeckError } from "../errors.js";
import { precisions } from "../weights/quantize/precision.js";
import type { Terminal } from "./terminal.js";

/** What a command works with besides its arguments. */
export interface Context {
  readonly terminal: Terminal;
}

/** A command's line of help: what is typed, and what it is for. */
export type Example = readonly [commandLine: string, meaning: string];

/**
 * A command with `--verbose`, and examples at the end of its help.
 *
 * @param summary - its line in `limbeck --help`, at most 50 characters.
 */
export function makeCommand(name: string, summary: string, description: string, examples: readonly Example[]): Command {
  const lines = examples.map(([commandLine, meaning]) => `  # ${meaning}\n  limbeck ${commandLine}`);
  return new Command(name)
    .summary(summary)
    .description(description)
    .option("--verbose", "on failure, also print the stack and what led to the error")
    .addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

/** What commands say of an argument that is a model. */
export const modelArgument = "a model: its folder, its .gguf file, or its name on the Hugging Face hub";

/** `--precision`, for commands that run a model. */
export function precisionOption(meaning: string): Option {
  return new Option("--precision <precision>", `${meaning} (default: float32)`).choices(precisions);
}

/** For options that may be given more than once. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

/**
 * Loads the modules of `--import`, which define divergences, architectures and the like.
 *
 * @returns their absolute paths, for the worker that loads them again.
 */
export async function importModules(files: readonly string[]): Promise<string[]> {
  const paths = files.map((file) => resolve(file));
  for (const path of paths) {
    try {
      await import(pathToFileURL(path).href);
    } catch (cause) {
      throw new LimbeckError("IMPORT", `--import: "${path}" could not be loaded: ${(cause as Error).message}`, {
        hint: "Give the path of a JavaScript module (.js or .mjs) that runs on its own.",
        cause,
      });
    }
  }
  return paths;
}

/** The text of a file, or of standard input for "-". */
export async function readInput(path: string): Promise<string> {
  if (path === "-") {
    const pieces: Buffer[] = [];
    for await (const piece of process.stdin) pieces.push(piece as Buffer);
    return Buffer.concat(pieces).toString("utf8");
  }
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const problem =
      code === "ENOENT" ? "no such file" : code === "EISDIR" ? "a folder, expected a file" : `not readable (${code})`;
    throw new DataError(`"${path}": ${problem}.`, { cause });
  }
}

/** One JSON value on one line, as `--json` prints it. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** A command line of limbeck, its words as a shell takes them. */
export function commandLine(words: readonly string[]): string {
  const quoted = words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  return `limbeck ${quoted.join(" ")}`;
}
