/** @file `limbeck sweep`: many runs of one config with other values, ranked, and the best written out. */

import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { InterruptedError, LimbeckError } from "../errors.js";
import type { SweepReport } from "../report/sweep-report.js";
import { sweepText } from "../report/sweep-text.js";
import { type Context, collect, commandLine, importModules, jsonLine, makeCommand } from "./command.js";
import { withInterrupt } from "./interrupt.js";
import { UsageError } from "./print-error.js";
import { showProgress } from "./progress.js";
import { facts } from "./terminal.js";

interface SweepFlags {
  readonly over?: readonly string[];
  readonly search: "grid" | "random" | "halving";
  readonly trials?: number;
  readonly seed: number;
  readonly reduction: number;
  readonly by?: "kl" | "perplexity";
  readonly set?: readonly string[];
  readonly output: string;
  readonly resume?: boolean;
  readonly import?: readonly string[];
  readonly json?: boolean;
}

export function sweepCommand({ terminal: { out, err } }: Context): Command {
  return makeCommand(
    "sweep",
    "many runs with other values, and the best of them",
    "Run a config with several values of its keys, rank the students, and write out the best config.",
    [
      ["sweep mine.yaml --over objective.soft.temperature=1,2,4", "three runs"],
      ["sweep mine.yaml --over objective.soft.temperature=1,2 --over student.layers=3,6", "all four combinations"],
      ["sweep mine.yaml --over training.learningRate=1e-4..1e-2 --search random --trials 8", "eight drawn rates"],
      [
        "sweep mine.yaml --over training.learningRate=1e-4..1e-2 --search halving --trials 9",
        "nine, most of them cut short",
      ],
      ["sweep mine.yaml --over objective.soft.temperature=1,2,4 --resume", "go on after Ctrl-C or a crash"],
    ],
  )
    .argument("<config>", "the config file (YAML) that all runs share")
    .option("--over <key=values>", "a key and what to try for it: a,b,c or low..high; repeatable", collect)
    .addOption(
      new Option("--search <search>", "all combinations, some that are drawn, or successive halving")
        .choices(["grid", "random", "halving"])
        .default("grid"),
    )
    .option("--trials <number>", "with random and halving: how many combinations", wholeFrom(1))
    .option("--seed <number>", "seeds what is drawn", wholeFrom(0), 0)
    .option("--reduction <number>", "with halving: one of so many goes on", wholeFrom(2), 3)
    .addOption(
      new Option("--by <measure>", "what the best is: KL from the teacher where all have one, else perplexity").choices(
        ["kl", "perplexity"],
      ),
    )
    .option("--set <key=value>", "override a key of the config in all runs; repeatable", collect)
    .option("--output <folder>", "the sweep's folder, with one folder per run in it", "runs/sweep")
    .option("--resume", "go on with the sweep in the folder")
    .option("--import <file>", "load a module that defines divergences or architectures; repeatable", collect)
    .option("--json", "print one JSON object; progress goes to standard error")
    .action(async (path: string, flags: SweepFlags) => {
      if (!flags.over) throw new UsageError("sweep: expected --over, what to vary, got none.");
      const imports = await importModules(flags.import ?? []);
      const [{ parseDimension }, { runSweep }] = await Promise.all([
        import("../sweep/dimension.js"),
        import("../sweep/run-sweep.js"),
      ]);
      const { trials, seed, reduction, by, output, set = [], resume = false } = flags;
      const dimensions = flags.over.map(parseDimension);
      const search = { kind: flags.search, trials, seed, reduction };
      const progress = showProgress(err);
      let report: SweepReport;
      try {
        report = await withInterrupt(progress.note, (signal) =>
          runSweep(
            { path, set, dimensions, search, output, by, resume, imports },
            {
              signal,
              onEvent: progress.show,
              onTrial({ name, number, of, step }) {
                progress.end();
                const until = step === undefined ? "" : `, until step ${step}`;
                progress.note(`\n${err.style("cyan", `trial ${number} of ${of}: ${name}${until}`)}`);
              },
            },
          ),
        );
      } catch (error) {
        throw withResumeHint(error, path, flags);
      } finally {
        progress.end();
      }
      if (flags.json) out.write(jsonLine(report));
      else {
        out.write(`\n${sweepText(report)}\n`);
        const best: [string, string][] = report.best === null ? [] : [["best", join(output, "best.yaml")]];
        out.write(facts([...best, ["report", join(output, "sweep.html")]]));
      }
      if (report.best === null) {
        throw new LimbeckError("SWEEP", `sweep: none of ${report.trials.length} trials came to its end.`);
      }
    });
}

function wholeFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`expected a whole number from ${least}, got "${text}".`);
  };
}

/** An interrupted sweep can go on; the hint is the command that does it. */
function withResumeHint(error: unknown, path: string, flags: SweepFlags): unknown {
  if (!(error instanceof LimbeckError) || error.code !== "INTERRUPTED" || error.hint !== undefined) return error;
  const { over = [], search, trials, seed, reduction, by, set = [], output, import: imports = [] } = flags;
  const words = [
    ...over.flatMap((text) => ["--over", text]),
    ...(search === "grid" ? [] : ["--search", search]),
    ...(trials === undefined ? [] : ["--trials", `${trials}`]),
    ...(seed === 0 ? [] : ["--seed", `${seed}`]),
    ...(reduction === 3 ? [] : ["--reduction", `${reduction}`]),
    ...(by === undefined ? [] : ["--by", by]),
    ...set.flatMap((text) => ["--set", text]),
    ...(output === "runs/sweep" ? [] : ["--output", output]),
    ...imports.flatMap((file) => ["--import", file]),
  ];
  const hint = `Go on with: ${commandLine(["sweep", path, ...words, "--resume"])}`;
  return new InterruptedError(error.message, { hint, cause: error });
}
