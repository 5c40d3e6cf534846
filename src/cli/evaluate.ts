/** @file `limbeck evaluate`: how good a student is, and how close to its teacher. */

import type { Command } from "commander";
import type { Estimate } from "../evaluate/statistics.js";
import type { ModelSummary } from "../evaluate/summarize-model.js";
import { formatInterval, formatNumber, formatPercent, NOT_MEASURED } from "../report/format.js";
import { tradeOffHtml } from "../report/trade-off-html.js";
import { tradeOffText } from "../report/trade-off-text.js";
import { writeFileAtomically } from "../weights/atomic-write.js";
import type { Precision } from "../weights/quantize/index.js";
import { type Context, collect, importModules, jsonLine, makeCommand, precisionOption } from "./command.js";
import type { EvaluationOptions, StudentEvaluation } from "./evaluate-student.js";
import { withInterrupt } from "./interrupt.js";
import { UsageError } from "./print-error.js";
import { showProgress } from "./progress.js";
import { facts, table } from "./terminal.js";

interface EvaluateFlags {
  readonly teacher?: string;
  readonly data?: string;
  readonly html?: string;
  readonly precision?: Precision;
  readonly import?: readonly string[];
  readonly json?: boolean;
}

export function evaluateCommand({ terminal: { out, err } }: Context): Command {
  return makeCommand(
    "evaluate",
    "how good a student is, and how close to its teacher",
    "Measure a student on rows: perplexity, bits per byte and, with a teacher, KL and agreement.",
    [
      ["evaluate runs/mine", "a run's student on the run's held-out rows, beside its teacher"],
      ["evaluate runs/mine --data other.jsonl", "the same on other rows"],
      ["evaluate models/small --teacher models/large --data held-out.jsonl", "any two models with one tokenizer"],
      ["evaluate runs/a runs/b small/onnx/model_q4.onnx --html costs.html", "quality against size and speed"],
      ["evaluate m --teacher m --data rows.jsonl --precision int8", "what 8 bits cost the model m"],
    ],
  )
    .argument("<path...>", "runs, models or exported .onnx files; several are compared")
    .option("--teacher <model>", "the model to compare with, instead of the run's teacher")
    .option("--data <file>", "the rows, instead of the run's held-out rows")
    .addOption(precisionOption("what the student computes in; its teacher computes in float32"))
    .option("--import <file>", "load a module that defines what the run's config names; repeatable", collect)
    .option("--html <file>", "with several students: also write a page with charts")
    .option("--json", "print one JSON object; progress goes to standard error")
    .action(async (paths: readonly string[], flags: EvaluateFlags) => {
      await importModules(flags.import ?? []);
      const progress = showProgress(err);
      const { teacher, data, precision } = flags;
      try {
        const text = await withInterrupt(progress.note, async (signal) => {
          const options = { signal, onEvent: progress.show };
          if (paths.length > 1 || paths[0]!.endsWith(".onnx")) return compare(paths, flags, options);
          const { evaluateStudent } = await import("./evaluate-student.js");
          const result = await evaluateStudent({ path: paths[0]!, teacher, data, precision }, options);
          return flags.json ? jsonLine(result) : describeEvaluation(result);
        });
        progress.end();
        out.write(text);
      } finally {
        progress.end();
      }
    });
}

/** Several students: a table and a plot, and a page where one is asked for. */
async function compare(
  paths: readonly string[],
  { teacher, data, html, json, precision }: EvaluateFlags,
  options: EvaluationOptions,
): Promise<string> {
  if (precision !== undefined) {
    throw new UsageError(
      `--precision: expected one student, got ${paths.length}.`,
      "Evaluate them one by one, or export them in that precision.",
    );
  }
  const { compareStudents } = await import("./compare-students.js");
  const report = await compareStudents({ paths, teacher, data }, options);
  if (html !== undefined) {
    const page = tradeOffHtml(report);
    await writeFileAtomically(html, (file) => file.writeFile(page));
  }
  return json ? jsonLine(report) : tradeOffText(report);
}

function describeEvaluation({ student, teacher, data }: StudentEvaluation): string {
  const sides = teacher === null ? [student] : [student, teacher];
  const row = (name: string, cell: (side: ModelSummary) => string): string[] => [name, ...sides.map(cell)];
  const rows = [
    ["", "student", ...(teacher === null ? [] : ["teacher"])],
    row("perplexity", ({ perplexity }) => withInterval(perplexity)),
    row("bits per byte", ({ bitsPerByte }) => withInterval(bitsPerByte)),
  ];
  if (teacher !== null) {
    const { klFromTeacher: kl, top1Agreement: agreement } = student;
    rows.push(
      ["KL, nats per token", withInterval(kl?.mean ?? null)],
      ["KL, median and p99", kl ? `${formatNumber(kl.median)} and ${formatNumber(kl.p99)}` : NOT_MEASURED],
      ["top-1 agreement", agreement ? formatPercent(agreement.value) : NOT_MEASURED],
    );
  }
  const paths = [["student", student.path] as const, ...(teacher === null ? [] : [["teacher", teacher.path] as const])];
  const size = `${data.documents.toLocaleString("en-US")} documents, ${data.responseTokens.toLocaleString("en-US")} scored tokens`;
  return `${facts([...paths, ["rows", size]])}\n${table(rows)}`;
}

/** `161.2 (155.0 to 167.4)` */
function withInterval(estimate: Estimate | null): string {
  if (estimate === null) return NOT_MEASURED;
  const interval = formatInterval(estimate);
  return `${formatNumber(estimate.value)}${interval === "" ? "" : ` (${interval})`}`;
}
