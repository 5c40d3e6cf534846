/** @file `limbeck quickstart`: the whole story once, offline, on real text, in a few minutes. */

import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { prepareQuickstart } from "../recipes/quickstart-data.js";
import { type Context, collect, makeCommand } from "./command.js";
import { type RunFlags, runAndReport } from "./run.js";

const configFile = fileURLToPath(new URL("../../assets/quickstart/quickstart.yaml", import.meta.url));
const textFolder = ".limbeck/sotu";
const defaultOutput = "runs/quickstart";

export function quickstartCommand(context: Context): Command {
  return makeCommand(
    "quickstart",
    "the whole story once, offline, in minutes",
    "Distil a small teacher that comes with limbeck, offline, in a few minutes.",
    [
      ["quickstart", `train, compare and report in ${defaultOutput}`],
      ["quickstart --output /tmp/first --set training.steps=40", "elsewhere, and shorter"],
    ],
  )
    .option("--set <key=value>", "override a key of the quickstart's config; repeatable", collect)
    .option("--output <folder>", "the run's folder", defaultOutput)
    .option("--resume", "go on from the last checkpoint in the run's folder")
    .option("--json", "print one JSON object per line; progress goes to standard error")
    .action(async (flags: RunFlags & { readonly output: string }) => {
      const { train, heldOut, teacher } = await prepareQuickstart(textFolder);
      const paths = { "data.train": train, "data.heldOut": heldOut, "teacher.model": teacher };
      const overrides = Object.entries(paths).map(([key, path]) => `${key}=${JSON.stringify(path)}`);
      const { loadConfig } = await import("../config/load-config.js");
      const config = await loadConfig(configFile, [...overrides, ...(flags.set ?? [])]);
      await runAndReport(context, config, flags, [], ["quickstart"]);
    });
}
