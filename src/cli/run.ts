/** @file `limbeck run`: one run of a recipe, from a config to a student and a report. */

import { join } from "node:path";
import type { Command } from "commander";
import { InterruptedError, LimbeckError } from "../errors.js";
import type { RunConfig, RunResult } from "../recipes/run-recipe.js";
import { reportText } from "../report/terminal.js";
import { type Context, collect, commandLine, importModules, jsonLine, makeCommand } from "./command.js";
import { withInterrupt } from "./interrupt.js";
import { showProgress } from "./progress.js";
import { facts } from "./terminal.js";

/** The options of commands that train. */
export interface RunFlags {
  readonly set?: readonly string[];
  readonly output?: string;
  readonly resume?: boolean;
  readonly import?: readonly string[];
  readonly json?: boolean;
}

export function runCommand(context: Context): Command {
  return makeCommand(
    "run",
    "train a student as a config says, and report",
    "Train a student as a config says, and report what it is worth.",
    [
      ["run configs/soft-labels-quickstart.yaml", "a run as its config says"],
      ["run mine.yaml --set training.steps=50 --output runs/short", "the same, shorter and elsewhere"],
      ["run mine.yaml --resume", "go on after Ctrl-C or a crash, to the same result bit for bit"],
      ["run mine.yaml --import ./my-divergence.js", "with a divergence of your own"],
    ],
  )
    .argument("<config>", "the config file (YAML); relative paths in it start from the current directory")
    .option("--set <key=value>", "override a key of the config, such as training.steps=50; repeatable", collect)
    .option("--output <folder>", "the run's folder, instead of the config's")
    .option("--resume", "go on from the last checkpoint in the run's folder")
    .option("--import <file>", "load a module that defines divergences or architectures; repeatable", collect)
    .option("--json", "print one JSON object per line; progress goes to standard error")
    .action(async (path: string, flags: RunFlags) => {
      const imports = await importModules(flags.import ?? []);
      const { loadConfig } = await import("../config/load-config.js");
      const config = await loadConfig(path, flags.set);
      await runAndReport(context, config, flags, imports, ["run", path]);
    });
}

/**
 * Runs a recipe with progress, Ctrl-C and, at the end, the report.
 *
 * @param words - what was typed before the flags, to say how an interrupted run goes on.
 */
export async function runAndReport(
  { terminal: { out, err } }: Context,
  config: RunConfig,
  flags: RunFlags,
  imports: readonly string[],
  words: readonly string[],
): Promise<void> {
  const { runRecipe } = await import("../recipes/run-recipe.js");
  const progress = showProgress(err);
  const work = (signal: AbortSignal): Promise<RunResult> =>
    runRecipe(flags.output === undefined ? config : { ...config, output: flags.output }, {
      signal,
      imports,
      resume: flags.resume === true,
      onEvent(event) {
        progress.show(event);
        if (flags.json && event.type !== "progress" && event.type !== "warning") out.write(jsonLine(event));
      },
    });
  let result: RunResult;
  try {
    result = await withInterrupt(progress.note, work);
  } catch (error) {
    throw withResumeHint(error, commandLine([...words, ...flagWords(flags), "--resume"]));
  } finally {
    progress.end();
  }
  if (flags.json) {
    out.write(jsonLine({ type: "result", ...result }));
    return;
  }
  const folder = result.output;
  out.write(`\n${reportText(result.report)}\n`);
  out.write(
    facts([
      ["student", join(folder, "student")],
      ["report", join(folder, "report.html")],
    ]),
  );
}

/** An interrupted run can go on; the hint is the command that does it. */
export function withResumeHint(error: unknown, command: string): unknown {
  if (!(error instanceof LimbeckError) || error.code !== "INTERRUPTED" || error.hint !== undefined) return error;
  return new InterruptedError(error.message, { hint: `Go on with: ${command}`, cause: error });
}

/** The flags as they were typed, but for `--resume` and `--json`. */
export function flagWords({ set = [], output, import: imports = [] }: RunFlags): string[] {
  return [
    ...set.flatMap((override) => ["--set", override]),
    ...(output === undefined ? [] : ["--output", output]),
    ...imports.flatMap((file) => ["--import", file]),
  ];
}
