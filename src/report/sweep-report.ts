/** @file What a sweep reports: the data of sweep.json, from which sweep.html and the terminal's table are made. */

import { lossOf, markFronts, type TradeOff, type TradeOffModel } from "./trade-off.js";

/** The report of a sweep, exactly as in sweep.json. All losses in nats, lower is better. */
export interface SweepReport {
  readonly limbeckSweep: 1;
  /** ISO 8601, with time zone: of the sweep's last change. */
  readonly created: string;
  readonly limbeckVersion: string;
  readonly machine: string;
  readonly threads: number;
  /** The config file that all trials share, and what was set in it. */
  readonly config: string;
  readonly set: readonly string[];
  readonly search: {
    readonly kind: "grid" | "random" | "halving";
    readonly trials?: number | undefined;
    readonly seed: number;
    readonly reduction: number;
  };
  /** Of a search that halves: until which step how many trials trained. */
  readonly rungs?: readonly { readonly steps: number; readonly trials: number }[] | undefined;
  /** What trials are ranked by. */
  readonly by: TradeOff["quality"];
  /** In the order in which they ran. */
  readonly trials: readonly TrialReport[];
  /** The name of the trial of the lowest loss; null until one is done. */
  readonly best: string | null;
}

export type TrialReport = TrialFacts & TrialState;

interface TrialFacts {
  readonly name: string;
  /** What was set for it, as `key=value`. */
  readonly overrides: readonly string[];
}

export type TrialState =
  | { readonly state: "waiting" }
  | { readonly state: "done"; readonly seconds: number; readonly model: TradeOffModel; readonly data: TradeOff["data"] }
  /** Left behind by halving, with its loss at its last rung. */
  | { readonly state: "stopped"; readonly step: number; readonly loss: number }
  | { readonly state: "failed"; readonly error: { readonly code: string; readonly message: string } };

export type DoneTrial = TrialFacts & Extract<TrialState, { readonly state: "done" }>;

export function doneTrials({ trials }: SweepReport): readonly DoneTrial[] {
  return trials.filter((trial): trial is DoneTrial => trial.state === "done");
}

/** The trials that are done as a trade-off, the best first; null where there is none. */
export function tradeOffOf(report: SweepReport): TradeOff | null {
  const { created, limbeckVersion, machine, threads, by } = report;
  const done = doneTrials(report).toSorted((a, b) => orderOf(a.model, by) - orderOf(b.model, by));
  if (done.length === 0) return null;
  const models = done.map(({ model }) => model);
  const shared = { created, limbeckVersion, machine, threads, data: done[0]!.data };
  return { limbeckTradeOff: 1, ...shared, quality: by, teacher: null, students: markFronts(models, by) };
}

/** What was not measured comes last. */
function orderOf(model: TradeOffModel, by: TradeOff["quality"]): number {
  const loss = lossOf(model, by);
  return Number.isFinite(loss) ? loss : Number.MAX_VALUE;
}
