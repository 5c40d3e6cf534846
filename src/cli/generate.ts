/** @file `limbeck generate`: the text that a `sequence` run would learn from, written and filtered, without the training. */

import { join } from "node:path";
import type { Command } from "commander";
import { ConfigError } from "../errors.js";
import { writingText } from "../report/writing-report.js";
import { type Context, collect, commandLine, jsonLine, makeCommand } from "./command.js";
import { withInterrupt } from "./interrupt.js";
import { showProgress } from "./progress.js";
import { flagWords, type RunFlags, withResumeHint } from "./run.js";
import { facts, wrap } from "./terminal.js";

export function generateCommand({ terminal: { out, err } }: Context): Command {
  return makeCommand(
    "generate",
    "write and filter text to learn from",
    "Write responses as a config of the recipe sequence says, and filter them, without training on them.",
    [
      ["generate mine.yaml", "every response in written.jsonl, the kept and the dropped ones beside it"],
      [
        "generate mine.yaml --resume",
        "go on after Ctrl-C, a crash or an endpoint that was down; nothing is asked twice",
      ],
      ["run mine.yaml --resume", "then train on what was kept"],
    ],
  )
    .argument("<config>", "the config file (YAML); relative paths in it start from the current directory")
    .option("--set <key=value>", "override a key of the config; repeatable", collect)
    .option("--output <folder>", "the run's folder, instead of the config's")
    .option("--resume", "go on with the writing in the run's folder")
    .option("--json", "print one JSON object; progress goes to standard error")
    .action(async (path: string, flags: RunFlags) => {
      const { loadConfig } = await import("../config/load-config.js");
      const loaded = await loadConfig(path, flags.set);
      if (loaded.recipe !== "sequence") {
        const message = `expected "sequence", got "${loaded.recipe}"`;
        throw new ConfigError(`config: recipe in ${path}: ${message}.`, [{ path: "recipe", message }], {
          hint: "Only the recipe sequence writes text to learn from.",
        });
      }
      const config = flags.output === undefined ? loaded : { ...loaded, output: flags.output };
      const { generateResponses } = await import("../recipes/run-in-worker.js");
      const progress = showProgress(err);
      const request = { config, resume: flags.resume === true };
      try {
        const writing = await withInterrupt(progress.note, (signal) =>
          generateResponses(request, { signal, onEvent: progress.show }),
        );
        progress.end();
        if (flags.json) return out.write(jsonLine({ output: config.output, ...writing }));
        out.write(`${wrap(writingText(writing), out.width).join("\n")}\n`);
        const files = ["written", "kept", "dropped"].map(
          (name) => [name, join(config.output, `${name}.jsonl`)] as const,
        );
        out.write(facts(files));
      } catch (error) {
        throw withResumeHint(error, commandLine(["generate", path, ...flagWords(flags), "--resume"]));
      } finally {
        progress.end();
      }
    });
}
