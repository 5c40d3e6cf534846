/** @file How an error ends a command: what is printed, and the exit status. */

import { CommanderError } from "commander";
import { LimbeckError } from "../errors.js";
import { type Output, wrap } from "./terminal.js";

/** 0 done · 1 failed · 2 wrong usage or config · 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 130;

/** A wrong command line. */
export class UsageError extends LimbeckError {
  override readonly name = "UsageError";
  constructor(message: string, hint?: string) {
    super("USAGE", message, hint === undefined ? {} : { hint });
  }
}

/**
 * Prints `error[CODE]: message` and the hint, and says how the process ends.
 *
 * @param options - `isVerbose`: also the stack, and the errors that led to this one; `help`: what explains the command line.
 */
export function printError(
  error: unknown,
  output: Output,
  options: { readonly isVerbose: boolean; readonly help: string },
): ExitCode {
  if (error instanceof CommanderError && error.exitCode === 0) return 0; // --help and --version end this way
  if (error instanceof CommanderError && error.code === "commander.help") return 2; // no command was given; help was printed
  const { code, message, hint = code === "USAGE" ? `See "${options.help}".` : undefined } = describe(error);
  output.write(describeError({ code, message, hint }, output));
  if (options.isVerbose) output.write(`${stackOf(error)}\n`);
  return code === "USAGE" || code === "CONFIG" ? 2 : code === "INTERRUPTED" ? 130 : 1;
}

/** `error[CODE]: message` and, where there is one, the hint below it. */
export function describeError({ code, message, hint }: Description, output: Output): string {
  const first = `${output.style("red", `error[${code}]`)}: ${message}\n`;
  if (hint === undefined) return first;
  return `${first}  ${output.style("cyan", "hint")}: ${wrap(hint, output.width - 8).join("\n        ")}\n`;
}

/** What of an error is printed. */
export interface Description {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

function describe(error: unknown): Description {
  if (isCoded(error)) return error;
  if (error instanceof CommanderError) {
    // "error: unknown option '--jsn'\n(Did you mean --json?)"
    const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
    return { code: "USAGE", message: first, hint: rest.join(" ").replace(/^\(|\)$/g, "") || undefined };
  }
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === "string" && error instanceof Error) {
    const isInstallation = code === "ERR_MODULE_NOT_FOUND" || code === "ERR_DLOPEN_FAILED";
    return { code, message: error.message, hint: isInstallation ? 'Run "limbeck doctor".' : undefined };
  }
  return {
    code: "INTERNAL",
    message: error instanceof Error ? error.message : String(error),
    hint: "Run the command again with --verbose and report what it prints.",
  };
}

/** By its fields, not by its class, so that errors from a worker or a second copy of the package count too. */
function isCoded(error: unknown): error is Description {
  return error instanceof Error && "code" in error && "hint" in error && typeof error.code === "string";
}

function stackOf(error: unknown): string {
  const stacks: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) stacks.push(cause.stack ?? String(cause));
  return stacks.join("\ncaused by ");
}
