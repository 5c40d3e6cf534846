/** @file The command line as a whole: its commands, its help and how it ends. */

import { Command } from "commander";
import { packageVersion } from "../version.js";
import { captureCommand } from "./capture.js";
import { chatCommand } from "./chat.js";
import { checkCommand } from "./check.js";
import { classifyCommand } from "./classify.js";
import type { Context } from "./command.js";
import { doctorCommand } from "./doctor.js";
import { evaluateCommand } from "./evaluate.js";
import { exportCommand } from "./export.js";
import { generateCommand } from "./generate.js";
import { inspectCommand } from "./inspect.js";
import { lossCommand } from "./loss.js";
import { modelsCommand } from "./models.js";
import { type ExitCode, printError } from "./print-error.js";
import { quickstartCommand } from "./quickstart.js";
import { runCommand } from "./run.js";
import { scoreCommand } from "./score.js";
import { selectCommand } from "./select.js";
import { sweepCommand } from "./sweep.js";

/**
 * In the order in which help lists them. What loads the engine is imported when a command runs, so that help is quick and
 * `doctor` can say what is wrong with the engine.
 */
const commands = [
  quickstartCommand,
  checkCommand,
  captureCommand,
  runCommand,
  generateCommand,
  selectCommand,
  sweepCommand,
  evaluateCommand,
  exportCommand,
  scoreCommand,
  classifyCommand,
  chatCommand,
  lossCommand,
  inspectCommand,
  modelsCommand,
  doctorCommand,
] as const;

/**
 * Runs a command line.
 *
 * @param words - without the program's own name: `["run", "mine.yaml"]`.
 * @returns how the process should end; nothing is thrown.
 */
export async function runCommandLine(words: readonly string[], context: Context): Promise<ExitCode> {
  const { out, err } = context.terminal;
  const program = new Command("limbeck")
    .description("Distil language models: a large model teaches one that is small, cheap and yours.")
    .version(packageVersion, "--version", "print limbeck's version")
    .helpCommand(false)
    .addHelpText("after", '\nStart with "limbeck quickstart"; "limbeck COMMAND --help" has examples.');
  for (const make of commands) program.addCommand(make(context));
  for (const command of withSubcommands(program)) {
    command
      .exitOverride()
      .helpOption("--help", "print help")
      .configureHelp({
        subcommandTerm: (sub) => [sub.name(), sub.usage().replace(/\[options\] ?/, "")].join(" ").trim(),
      })
      .configureOutput({
        writeOut: (text) => out.write(text),
        writeErr: (text) => err.write(text),
        outputError: () => {}, // printError says it, in the form of all errors
        getOutHelpWidth: () => out.width,
        getErrHelpWidth: () => err.width,
        getOutHasColors: () => false,
        getErrHasColors: () => false,
      });
  }
  try {
    await program.parseAsync(words, { from: "user" });
    return 0;
  } catch (error) {
    return printError(error, err, {
      isVerbose: words.includes("--verbose"),
      help: `${commandOf(program, words)} --help`,
    });
  }
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

/** The command that the first words name: `limbeck models get`. */
function commandOf(command: Command, [word, ...rest]: readonly string[]): string {
  const named = command.commands.find((known) => known.name() === word);
  return named === undefined ? command.name() : `${command.name()} ${commandOf(named, rest)}`;
}
