/** @file `limbeck export`: a student as files that other people's software loads, and what that cost. */

import type { Command } from "commander";
import { exportText } from "../report/export-text.js";
import { type Context, collect, importModules, jsonLine, makeCommand, modelArgument } from "./command.js";
import { exportFormats } from "./export-formats.js";
import type { ExportOutcome } from "./export-run.js";
import { withInterrupt } from "./interrupt.js";
import { showProgress } from "./progress.js";

interface ExportFlags {
  readonly to: string;
  readonly format: string;
  readonly precision?: readonly string[];
  readonly data?: string;
  readonly import?: readonly string[];
  readonly json?: boolean;
}

export function exportCommand({ terminal: { out, err } }: Context): Command {
  return makeCommand(
    "export",
    "a student as ONNX or a Hugging Face folder",
    "Write a student in a form that other software loads, open it again, and measure what that cost.",
    [
      ["export runs/mine --to exports/mine", "ONNX in float32, for transformers.js and any ONNX Runtime"],
      ["export runs/mine --to exports/mine --precision float32,float16,int8,int4", "four files, compared"],
      ["export runs/mine --to exports/mine-hf --format huggingface --precision bfloat16", "for transformers"],
      ["export models/small --to exports/small --data held-out.jsonl", "a model that is no run's student"],
    ],
  )
    .argument("<student>", `a run's folder, or ${modelArgument}`)
    .requiredOption("--to <folder>", "the folder to be made; one that holds anything is refused")
    .option("--format <format>", `what is written: ${exportFormats.join(" or ")}`, "onnx")
    .option(
      "--precision <list>",
      "what weights are stored as: float32, float16, int8, int4 for onnx; float32, float16, bfloat16 for huggingface (float32)",
      collect,
    )
    .option("--data <file>", "the rows to measure on, instead of the run's held-out rows")
    .option("--import <file>", "load a module that defines what the run's config names; repeatable", collect)
    .option("--json", "print one JSON object, as in export.json; progress goes to standard error")
    .action(async (student: string, flags: ExportFlags) => {
      const { runExport } = await import("./export-run.js");
      await importModules(flags.import ?? []);
      const progress = showProgress(err);
      const precisions = [...new Set((flags.precision ?? ["float32"]).flatMap((list) => list.split(",")))];
      const request = { student, to: flags.to, format: flags.format, precisions, data: flags.data };
      try {
        const outcome = await withInterrupt(progress.note, (signal) =>
          runExport(request, { signal, onEvent: progress.show }),
        );
        progress.end();
        out.write(flags.json ? jsonLine(outcome.report) : describeExport(outcome));
      } finally {
        progress.end();
      }
    });
}

function describeExport({ report, run }: ExportOutcome): string {
  const { path, data, threads } = report;
  const scored = `${data.responseTokens.toLocaleString("en-US")} held-out tokens, ${threads} threads`;
  const joined = run === undefined ? "" : `; also in ${run}/report.html`;
  return `${exportText(report)}\nKL and top-1 are against the student, on ${scored}.\n${path}: README.md, export.json${joined}\n`;
}
