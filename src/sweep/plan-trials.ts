/** @file The trials of a sweep: every combination as a whole config, or with what is wrong with it. */

import { join } from "node:path";
import { loadConfig } from "../config/load-config.js";
import { ConfigError, LimbeckError } from "../errors.js";
import type { RunConfig } from "../recipes/registry.js";
import { type Candidate, drawCandidates, gridOf } from "./candidates.js";
import { type Dimension, isRange } from "./dimension.js";
import { planRungs, type Rung } from "./halving.js";

/** How combinations are chosen, and how long each of them trains. */
export interface Search {
  readonly kind: "grid" | "random" | "halving";
  /** How many are tried; left out: all combinations. */
  readonly trials?: number | undefined;
  /** Seeds what is drawn. */
  readonly seed: number;
  /** Of halving: one of so many trials goes on. */
  readonly reduction: number;
}

export interface Trial extends Candidate {
  /** What the config file says with the trial's overrides; undefined where that is no config. */
  readonly given: RunConfig | undefined;
  /** The run of the trial: in the sweep's folder, without a twin, evaluated where trials are compared. */
  readonly config: RunConfig | undefined;
  /** What is wrong with it. */
  readonly problem: LimbeckError | undefined;
}

export interface TrialPlan {
  readonly trials: readonly Trial[];
  /** One, at the end, unless trials are halved; undefined there, because each trains as long as it says. */
  readonly rungs: readonly Rung[] | undefined;
}

export interface TrialSource {
  /** The config file that all share. */
  readonly path: string;
  readonly set: readonly string[];
  readonly dimensions: readonly Dimension[];
  readonly search: Search;
  /** The sweep's folder. */
  readonly output: string;
}

/**
 * Chooses the combinations and loads a config for each. A trial has no twin: trials are compared with one another. All share a cache
 * in the sweep's folder `teacher/`, where the config has none, so that a teacher is asked once.
 *
 * @throws LimbeckError `USAGE` where the search does not fit its keys; ConfigError where no combination is a config.
 */
export async function planTrials(source: TrialSource): Promise<TrialPlan> {
  const { dimensions, search } = source;
  const trials: Trial[] = [];
  for (const candidate of chooseCandidates(dimensions, search)) trials.push(await loadTrial(source, candidate));
  const whole = trials.filter(({ config }) => config !== undefined);
  if (whole.length === 0) throw trials[0]!.problem!;
  if (search.kind !== "halving") return { trials, rungs: undefined };
  const rungs = planRungs(whole.length, stepsOf(whole), search.reduction);
  return { trials: trials.map((trial) => evaluatedAt(trial, rungs)), rungs };
}

function chooseCandidates(dimensions: readonly Dimension[], { kind, trials, seed }: Search): readonly Candidate[] {
  if (kind === "grid" && trials !== undefined) {
    throw new LimbeckError("USAGE", `--trials: expected none with --search grid, got ${trials}.`, {
      hint: "Draw some of the combinations with --search random.",
    });
  }
  if (trials !== undefined) return drawCandidates(dimensions, trials, seed);
  if (kind === "random" || (kind === "halving" && dimensions.some(isRange))) {
    throw new LimbeckError("USAGE", `--search ${kind}: expected --trials, how many combinations to draw, got none.`);
  }
  return gridOf(dimensions);
}

async function loadTrial({ path, set, output }: TrialSource, candidate: Candidate): Promise<Trial> {
  try {
    const overrides = [...set, ...candidate.overrides];
    const given = await loadConfig(path, overrides);
    const shared = await withCache(path, overrides, given, join(output, "teacher"));
    const config = { ...shared, output: join(output, candidate.name), training: { ...given.training, twin: false } };
    return { ...candidate, given, config: config as RunConfig, problem: undefined };
  } catch (error) {
    if (!(error instanceof LimbeckError)) throw error;
    return { ...candidate, given: undefined, config: undefined, problem: error };
  }
}

/** The config with a cache that all trials share, where it names none and its recipe and its teacher allow one. */
async function withCache(
  path: string,
  overrides: readonly string[],
  given: RunConfig,
  directory: string,
): Promise<RunConfig> {
  if (!("teacher" in given) || ("cache" in given && given.cache !== undefined)) return given;
  try {
    return await loadConfig(path, [...overrides, `cache.directory=${JSON.stringify(directory)}`]);
  } catch (error) {
    if (error instanceof ConfigError) return given;
    throw error;
  }
}

/** Steps of every trial, which must be as many. */
function stepsOf(trials: readonly Trial[]): number {
  const counts = new Set(trials.map(({ config }) => config!.training.steps));
  const [steps] = counts;
  if (counts.size === 1 && steps !== undefined) return steps;
  const got = steps === undefined ? "epochs" : `${[...counts].join(" and ")}`;
  throw new LimbeckError(
    "USAGE",
    `--search halving: expected one number of training.steps in all trials, got ${got}.`,
    {
      hint: "Set training.steps, and vary something else.",
    },
  );
}

/** The trial with evaluations at the steps where it is compared. */
function evaluatedAt(trial: Trial, rungs: readonly Rung[]): Trial {
  if (rungs.length === 1) return trial;
  const evaluated = (config: RunConfig | undefined) =>
    config && ({ ...config, training: { ...config.training, evaluateEvery: rungs[0]!.steps } } as RunConfig);
  return { ...trial, given: evaluated(trial.given), config: evaluated(trial.config) };
}
