/** @file One trial: a run that trains to its end, or to the step where trials are compared, from wherever it stands. */

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { LimbeckError } from "../errors.js";
import type { Latency } from "../export/measure-latency.js";
import { type RunConfig, type RunEvent, runRecipe } from "../recipes/run-recipe.js";
import { modelOf, type Report } from "../report/report.js";
import type { SweepReport, TrialState } from "../report/sweep-report.js";
import { isEvaluation, readMetrics } from "../training/metrics.js";
import { checkRunDirectory } from "../training/run-directory.js";

export interface TrialOptions {
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  /** Modules that define divergences or architectures. */
  readonly imports: readonly string[];
  readonly by: SweepReport["by"];
  /** The speed of the student in a folder. */
  readonly latencyOf: (student: string) => Promise<Latency>;
}

/**
 * Trains a trial until `step` and leaves it with a checkpoint; undefined: to its end. What is done already is not done again.
 *
 * @throws LimbeckError what ended its run; `RESUME` where its folder holds another one.
 */
export async function runTrial(
  config: RunConfig,
  step: number | undefined,
  options: TrialOptions,
): Promise<TrialState> {
  const { output } = config;
  const isBegun = await exists(join(output, "config.yaml"));
  if (isBegun) await checkRunDirectory(output, config, true);
  if (step !== undefined) {
    const loss = (await lossAt(output, step, options.by)) ?? (await trainUntil(step, config, isBegun, options));
    return { state: "stopped", step, loss };
  }
  const { signal, onEvent, imports } = options;
  const report =
    (await readReport(output)) ?? (await runRecipe(config, { signal, onEvent, imports, resume: isBegun })).report;
  return describeDone(output, report, options);
}

/** Stops the run once it has evaluated itself at `step`; the few steps that it may get further are kept for when it goes on. */
async function trainUntil(
  step: number,
  config: RunConfig,
  resume: boolean,
  { signal, onEvent, imports, by }: TrialOptions,
): Promise<number> {
  const reached = new AbortController();
  try {
    await runRecipe(config, {
      resume,
      imports,
      signal: AbortSignal.any([signal, reached.signal]),
      onEvent(event) {
        onEvent(event);
        if (event.type === "evaluation" && event.run === "student" && event.step === step) reached.abort();
      },
    });
  } catch (error) {
    const isOurs = error instanceof LimbeckError && error.code === "INTERRUPTED" && reached.signal.aborted;
    if (!isOurs || signal.aborted) throw error;
  }
  const loss = await lossAt(config.output, step, by);
  if (loss !== undefined) return loss;
  throw new LimbeckError(
    "SWEEP",
    `sweep: "${config.output}" must be measured on held-out rows at step ${step}, got no ${by}.`,
    {
      hint: "Hold out rows, which trials are compared on, or rank by perplexity with --by.",
    },
  );
}

/** What the run said of itself at a step, where it has come so far. */
async function lossAt(output: string, step: number, by: SweepReport["by"]): Promise<number | undefined> {
  const lines = await readMetrics(join(output, "metrics.jsonl"));
  const evaluation = lines.filter(isEvaluation).find((line) => line.step === step)?.evaluation;
  return by === "kl" ? evaluation?.klTeacherStudent : evaluation?.perplexity;
}

async function describeDone(output: string, report: Report, { latencyOf }: TrialOptions): Promise<TrialState> {
  const path = join(output, "student");
  const { name, bytesOnDisk: bytes, perplexity, klFromTeacher, top1Agreement } = modelOf(report, "student-after")!;
  const { promptMsPerToken, decodeMsPerToken, peakMemoryBytes } = await latencyOf(path);
  const costs = { bytes, peakMemoryBytes, promptMsPerToken, decodeMsPerToken };
  const { rows: documents, tokens, responseTokens } = report.data.heldOut;
  return {
    state: "done",
    seconds: report.run.seconds,
    model: { name, path, ...costs, perplexity, klFromTeacher, top1Agreement },
    data: { documents, tokens, responseTokens },
  };
}

/** The report of a run that is done. */
async function readReport(output: string): Promise<Report | undefined> {
  const path = join(output, "report.json");
  if (!(await exists(path))) return undefined;
  return JSON.parse(await readFile(path, "utf8")) as Report;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
