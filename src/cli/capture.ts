/** @file `limbeck capture`: what a run would ask its teacher, asked once and kept. */

import type { Command } from "commander";
import { InterruptedError, LimbeckError } from "../errors.js";
import type { CaptureResult } from "../recipes/run-recipe.js";
import { type Context, collect, importModules, jsonLine, makeCommand } from "./command.js";
import { withInterrupt } from "./interrupt.js";
import { showProgress } from "./progress.js";
import type { RunFlags } from "./run.js";
import { facts } from "./terminal.js";

export function captureCommand({ terminal: { out, err } }: Context): Command {
  return makeCommand(
    "capture",
    "ask a run's teacher once, and keep the answers",
    "Ask the teacher of a config all that a run of it would ask, and keep the answers in its cache, where every run finds them. What is there is not asked again; several processes may share the work.",
    [
      ["capture mine.yaml", "fill the cache that mine.yaml names, or .limbeck/cache"],
      ["capture mine.yaml --set cache.store.precision=float16", "half the bytes"],
    ],
  )
    .argument("<config>", "the config file (YAML); relative paths in it start from the current directory")
    .option("--set <key=value>", "override a key of the config; repeatable", collect)
    .option("--import <file>", "load a module that defines divergences or architectures; repeatable", collect)
    .option("--json", "print one JSON object per line; progress goes to standard error")
    .action(async (path: string, flags: Omit<RunFlags, "output" | "resume">) => {
      const imports = await importModules(flags.import ?? []);
      const [{ loadConfig }, { captureRecipe }] = await Promise.all([
        import("../config/load-config.js"),
        import("../recipes/run-recipe.js"),
      ]);
      const config = await loadConfig(path, flags.set);
      const progress = showProgress(err);
      let result: CaptureResult;
      try {
        result = await withInterrupt(progress.note, (signal) =>
          captureRecipe(config, {
            signal,
            imports,
            onEvent(event) {
              progress.show(event);
              if (flags.json && event.type !== "progress" && event.type !== "warning") out.write(jsonLine(event));
            },
          }),
        );
      } catch (error) {
        throw withHint(error);
      } finally {
        progress.end();
      }
      if (flags.json) out.write(jsonLine({ type: "result", ...result }));
      else {
        const { captures, documents, rows, asked } = result;
        out.write(
          facts([
            ["captured", captures.join(", ")],
            ["documents", `${documents.toLocaleString("en-US")}, ${asked.toLocaleString("en-US")} of them asked now`],
            ["rows", rows.toLocaleString("en-US")],
          ]),
        );
      }
    });
}

function withHint(error: unknown): unknown {
  if (!(error instanceof LimbeckError) || error.code !== "INTERRUPTED") return error;
  return new InterruptedError(error.message, { hint: "Go on with the same command.", cause: error });
}
