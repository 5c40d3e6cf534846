/** @file The interactive side of `limbeck chat`: lines in, answers out, Ctrl-C and Ctrl-D. */

import { createInterface } from "node:readline";
import { LimbeckError } from "../errors.js";
import type { Chat } from "./chat.js";
import { describeError } from "./print-error.js";
import type { Output } from "./terminal.js";

/** The terminal's keyboard and screen; streams of their own for tests. */
export interface Keyboard {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

const question = "> ";

/**
 * Answers lines until the input ends (Ctrl-D). Ctrl-C stops the answer that is being written; what a line cannot be answered
 * for is printed, and the conversation goes on.
 *
 * @param err - for errors and hints; the question mark goes there too, so that standard output holds answers only.
 */
export async function converse(
  chat: Chat,
  err: Output,
  { input, output }: Keyboard = { input: process.stdin, output: process.stderr },
): Promise<void> {
  const lines = createInterface({ input, output, prompt: question, terminal: true });
  let answering: AbortController | undefined;
  lines.on("SIGINT", () => {
    if (answering) return answering.abort();
    err.write(`\n${err.style("dim", "Ctrl-D leaves.")}\n`);
    lines.prompt();
  });
  lines.prompt();
  for await (const line of lines) {
    if (line.trim() !== "") {
      answering = new AbortController();
      try {
        await chat.answer(line, answering.signal);
      } catch (error) {
        if (!(error instanceof LimbeckError)) throw error;
        if (error.code !== "INTERRUPTED") err.write(describeError(error, err));
      } finally {
        answering = undefined;
      }
    }
    lines.prompt();
  }
  err.write("\n");
}
