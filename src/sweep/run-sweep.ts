/** @file Running a sweep: one trial after the other as runs of their own, halved where asked for, ranked, and resumable at any moment. */

import { readFile } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { LimbeckError } from "../errors.js";
import { type Latency, measureLatency } from "../export/measure-latency.js";
import type { RunEvent } from "../recipes/run-recipe.js";
import type { SweepReport, TrialState } from "../report/sweep-report.js";
import { lossOf } from "../report/trade-off.js";
import { describeMachine } from "../training/run-directory.js";
import { packageVersion } from "../version.js";
import { keepBest } from "./halving.js";
import { planTrials, type Trial, type TrialPlan, type TrialSource } from "./plan-trials.js";
import { runTrial } from "./run-trial.js";
import { keepSweep, openSweepDirectory, writeSweep } from "./sweep-directory.js";

export interface SweepRequest extends TrialSource {
  /** What trials are ranked by; left out: KL from the teacher where all have the same one, else perplexity. */
  readonly by?: SweepReport["by"] | undefined;
  readonly resume: boolean;
  /** Modules that define divergences or architectures. */
  readonly imports: readonly string[];
}

export interface SweepOptions {
  readonly signal: AbortSignal;
  /** What the trial that is running tells. */
  readonly onEvent: (event: RunEvent) => void;
  /** Called before a trial trains. */
  readonly onTrial: (trial: TrialStart) => void;
}

export interface TrialStart {
  readonly name: string;
  readonly number: number;
  readonly of: number;
  /** Where it is compared with the others; undefined at the end of its run. */
  readonly step: number | undefined;
}

/**
 * Runs all trials of a sweep and writes sweep.json, sweep.html and best.yaml. A trial that fails is reported, and the others go on.
 *
 * @throws LimbeckError `OCCUPIED`, `NOTHING_TO_RESUME` and `RESUME` as a run; `INTERRUPTED` when the signal is aborted, after
 *   the trial that runs has written a checkpoint.
 */
export async function runSweep(request: SweepRequest, options: SweepOptions): Promise<SweepReport> {
  const plan = await planTrials(request);
  const states = new Map<Trial, TrialState>(plan.trials.map((trial) => [trial, firstState(trial)]));
  const by = request.by ?? commonQuality(plan.trials);
  const report = () => describeSweep(request, plan, states, by);
  const known = await openSweepDirectory(request.output, report(), request.resume);
  for (const trial of plan.trials) {
    const before = known?.trials.find(({ name }) => name === trial.name);
    // Where trials are halved, those that are done take part in every rung again, by what their runs have written.
    if (before?.state === "done" && !plan.rungs) states.set(trial, before);
  }
  await keepSweep(request.output, report());
  const latencyOf = rememberLatencies(plan, options.signal);
  const { signal, onEvent } = options;
  const { imports } = request;

  let racing: readonly Trial[] = plan.trials.filter(({ config }) => config !== undefined);
  for (const rung of plan.rungs ?? [undefined]) {
    const isLast = rung === plan.rungs?.at(-1);
    if (rung) racing = keepBest(racing, (trial) => rankOf(states.get(trial)!, by), rung.trials);
    const step = isLast ? undefined : rung?.steps;
    for (const [i, trial] of racing.entries()) {
      if (states.get(trial)!.state === "done") continue;
      options.onTrial({ name: trial.name, number: i + 1, of: racing.length, step });
      try {
        states.set(trial, await runTrial(trial.config!, step, { signal, onEvent, imports, by, latencyOf }));
      } catch (error) {
        if (!(error instanceof LimbeckError) || endsSweep.has(error.code)) throw error;
        states.set(trial, failure(error));
      }
      await keepSweep(request.output, report());
    }
  }
  const done = report();
  await writeSweep(request.output, done, plan.trials.find(({ name }) => name === done.best)?.given);
  return done;
}

/** Errors that are about more than one trial. */
const endsSweep: ReadonlySet<string> = new Set(["INTERRUPTED", "RESUME"]);

function firstState({ problem }: Trial): TrialState {
  return problem ? failure(problem) : { state: "waiting" };
}

function failure({ code, message }: LimbeckError): TrialState {
  return { state: "failed", error: { code, message } };
}

/** What a trial is ranked by: before the first rung all are equal. */
function rankOf(state: TrialState, by: SweepReport["by"]): number | undefined {
  switch (state.state) {
    case "waiting":
      return 0;
    case "stopped":
      return state.loss;
    case "done":
      return lossOf(state.model, by);
    case "failed":
      return undefined;
  }
}

/** KL where it is from one teacher, for two teachers are no common measure. */
function commonQuality(trials: readonly Trial[]): SweepReport["by"] {
  const teachers = trials.flatMap(({ config }) => {
    return config ? ["teacher" in config ? JSON.stringify(config.teacher) : undefined] : [];
  });
  return teachers[0] !== undefined && teachers.every((teacher) => teacher === teachers[0]) ? "kl" : "perplexity";
}

/** Students that are alike are as fast, so that one of them is measured. */
function rememberLatencies(plan: TrialPlan, signal: AbortSignal) {
  const known = new Map<string, Latency>();
  return async (model: string): Promise<Latency> => {
    const shape = await readFile(join(model, "config.json"), "utf8");
    const latency = known.get(shape) ?? (await measureLatency({ model, threads: threadsOf(plan) }, signal));
    known.set(shape, latency);
    return latency;
  };
}

function threadsOf({ trials }: TrialPlan): number {
  const threads = trials.find(({ config }) => config)?.config?.threads;
  return threads === undefined || threads === "auto" ? os.availableParallelism() : threads;
}

function describeSweep(
  { path, set, search }: SweepRequest,
  plan: TrialPlan,
  states: ReadonlyMap<Trial, TrialState>,
  by: SweepReport["by"],
): SweepReport {
  const done = plan.trials.filter((trial) => states.get(trial)!.state === "done");
  const [best] = keepBest(done, (trial) => rankOf(states.get(trial)!, by), 1);
  return {
    limbeckSweep: 1,
    created: new Date().toISOString(),
    limbeckVersion: packageVersion,
    machine: describeMachine(),
    threads: threadsOf(plan),
    config: path,
    set,
    search,
    ...(plan.rungs && { rungs: plan.rungs }),
    by,
    trials: plan.trials.map((trial) => {
      const { name, overrides } = trial;
      return { name, overrides, ...states.get(trial)! };
    }),
    best: best?.name ?? null,
  };
}
