/** @file `limbeck run`: one run of a recipe, from a config to a student and a report. */

import type { Command } from "commander";
import { loadConfig } from "../config/load-config.js";
import { InterruptedError, LimbeckError } from "../errors.js";
import { recipeSchemas } from "../recipes/registry.js";
import { type RunConfig, type RunResult, runRecipe } from "../recipes/run-recipe.js";
import { reportText } from "../report/terminal.js";
import { type Context, collect, importModules, jsonLine, makeCommand } from "./command.js";
import { withInterrupt } from "./interrupt.js";
import { showProgress } from "./progress.js";

/** The options of commands that train. */
export interface RunFlags {
  readonly set?: readonly string[];
  readonly output?: string;
  readonly resume?: boolean;
  readonly import?: readonly string[];
  readonly json?: boolean;
}

export function runCommand(context: Context): Command {
  return makeCommand("run", "Train a student as a config says, and report what it is worth.", [
    ["run configs/soft-labels-quickstart.yaml", "a run as its config says"],
    ["run mine.yaml --set training.steps=50 --output runs/short", "the same, shorter and elsewhere"],
    ["run mine.yaml --resume", "go on after Ctrl-C or a crash, to the same result bit for bit"],
    ["run mine.yaml --import ./my-divergence.js", "with a divergence of your own"],
  ])
    .argument("<config>", "the config file (YAML); relative paths in it start from the current directory")
    .option("--set <key=value>", "override a key of the config, such as training.steps=50; repeatable", collect)
    .option("--output <folder>", "the run's folder, instead of the config's")
    .option("--resume", "go on from the last checkpoint in the run's folder")
    .option("--import <file>", "load a module that defines divergences or architectures; repeatable", collect)
    .option("--json", "print one JSON object per line; progress goes to standard error")
    .action(async (path: string, flags: RunFlags) => {
      const imports = await importModules(flags.import ?? []);
      const config = await loadConfig(path, recipeSchemas, flags.set);
      await runAndReport(context, config, flags, { imports, command: `limbeck run ${path}` });
    });
}

/** Runs a recipe with progress, Ctrl-C and, at the end, the report. */
export async function runAndReport(
  { terminal }: Context,
  config: RunConfig,
  flags: RunFlags,
  { imports, command }: { readonly imports: readonly string[]; readonly command: string },
): Promise<void> {
  const { out, err } = terminal;
  const progress = showProgress(err);
  const asked: RunConfig = flags.output === undefined ? config : { ...config, output: flags.output };
  let result: RunResult;
  try {
    result = await withInterrupt(progress.note, (signal) =>
      runRecipe(asked, {
        signal,
        imports,
        resume: flags.resume === true,
        onEvent(event) {
          progress.show(event);
          if (flags.json && event.type !== "progress" && event.type !== "warning") out.write(jsonLine(event));
        },
      }),
    );
  } catch (error) {
    throw withResumeHint(error, command);
  } finally {
    progress.end();
  }
  if (flags.json) {
    out.write(jsonLine({ type: "result", ...result }));
    return;
  }
  out.write(
    `\n${reportText(result.report)}\nstudent  ${result.output}/student\nreport   ${result.output}/report.html\n`,
  );
}

/** An interrupted run can go on; the hint is the command that does it. */
function withResumeHint(error: unknown, command: string): unknown {
  if (!(error instanceof LimbeckError) || error.code !== "INTERRUPTED" || error.hint !== undefined) return error;
  return new InterruptedError(error.message, { hint: `Go on with "${command} --resume".`, cause: error });
}
