/** @file `limbeck check`: what is wrong with a run, found before it starts. */

import type { Command } from "commander";
import { LimbeckError } from "../errors.js";
import { type Context, collect, importModules, jsonLine, makeCommand } from "./command.js";
import { withDownloads } from "./downloads.js";
import { describeError } from "./print-error.js";
import type { RunFlags } from "./run.js";
import { facts, warningText } from "./terminal.js";

export function checkCommand({ terminal: { out, err } }: Context): Command {
  return makeCommand(
    "check",
    "what is wrong with a run, before it starts",
    "Read a config and all that it names, and say what would go wrong, how long a run is and what it needs. For a student that comes from its teacher, measure where it could start, on a sample of held-out rows.",
    [
      ["check mine.yaml", "exit status 0: it can start, 1: it cannot, 2: the config is wrong"],
      ["check mine.yaml --set data.sequenceLength=256 --json", "with an override, as JSON"],
      ["check mine.yaml --set student.layers=12", "12 of the teacher's layers: what they would start with"],
    ],
  )
    .argument("<config>", "the config file (YAML); relative paths in it start from the current directory")
    .option("--set <key=value>", "override a key of the config; repeatable", collect)
    .option("--output <folder>", "the run's folder, instead of the config's")
    .option("--import <file>", "load a module that defines divergences or architectures; repeatable", collect)
    .option("--json", "print one JSON object")
    .action(async (path: string, flags: RunFlags) => {
      await importModules(flags.import ?? []);
      const [{ loadConfig }, { checkRun }, { startsTable }] = await Promise.all([
        import("../config/load-config.js"),
        import("./check-run.js"),
        import("./starts-table.js"),
      ]);
      const config = await loadConfig(path, flags.set);
      const check = await withDownloads(err, (download) =>
        checkRun(flags.output === undefined ? config : { ...config, output: flags.output }, download, () =>
          err.write("timing a few batches\n"),
        ),
      );
      if (flags.json) {
        const problems = check.problems.map(({ code, message, hint }) => ({ code, message, hint: hint ?? null }));
        out.write(
          jsonLine({
            ok: problems.length === 0,
            problems,
            warnings: check.warnings,
            ...check.data,
            starts: check.starts,
          }),
        );
      } else {
        out.write(facts([["config", path], ["recipe", config.recipe], ...check.facts], out.width));
        if (check.starts.length > 0) out.write(`\n${startsTable(check.starts)}`);
      }
      for (const warning of check.warnings) err.write(`${warningText(warning, err)}\n`);
      for (const problem of check.problems) err.write(describeError(problem, err));
      if (check.problems.length > 0) {
        const count = check.problems.length === 1 ? "1 problem" : `${check.problems.length} problems`;
        throw new LimbeckError("CHECK", `check: ${count}; the run cannot start.`);
      }
    });
}
