/** @file Which sequences every optimizer step takes: a function of the step's number, so that a resumed run needs no cursor. */

import { type EpochPlan, type PlanOptions, planEpoch } from "../data/plan.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { DataError } from "../errors.js";

export interface StepPlanOptions extends Omit<PlanOptions, "epoch"> {
  /** Give this or `epochs`. */
  readonly steps?: number | undefined;
  readonly epochs?: number | undefined;
  /** Input positions of one step; the plan's sequences that they hold, and at least one, make a step. */
  readonly tokensPerStep: number;
}

/** One optimizer step: the plan of its epoch and the sequences it takes. */
export interface PlannedStep {
  readonly epoch: number;
  readonly plan: EpochPlan;
  readonly sequences: EpochPlan["sequences"];
}

export interface StepPlan {
  readonly steps: number;
  /** Share of the first epoch's positions that hold padding. */
  readonly waste: number;
  /** @param step - from 1; steps asked for in order reuse the epoch's plan. */
  at(step: number): PlannedStep;
}

/** Plans the steps of a whole run. A step never crosses an epoch's end: an epoch's last step may be short. */
export function planSteps(documents: readonly TransferDocument[], options: StepPlanOptions): StepPlan {
  if (documents.length === 0) throw new DataError("training: expected at least one training document, got none.");
  const epochs: EpochPlan[] = [];
  /** Step number after which each epoch ends. */
  const ends: number[] = [];
  const extend = () => {
    const plan = planEpoch(documents, { ...options, epoch: epochs.length });
    epochs.push(plan);
    ends.push((ends.at(-1) ?? 0) + Math.ceil(plan.sequences.length / sequencesIn(options.tokensPerStep, plan)));
  };
  const steps = options.steps ?? 0;
  while (options.epochs === undefined ? (ends.at(-1) ?? 0) < steps : epochs.length < options.epochs) extend();
  return {
    steps: options.steps ?? ends.at(-1)!,
    waste: epochs[0]!.waste,
    at(step) {
      const epoch = ends.findIndex((end) => step <= end);
      const plan = epochs[epoch]!;
      const count = sequencesIn(options.tokensPerStep, plan);
      const first = (step - 1 - (ends[epoch - 1] ?? 0)) * count;
      return { epoch, plan, sequences: plan.sequences.slice(first, first + count) };
    },
  };
}

/** How many of a plan's sequences so many input positions hold, and at least one. */
export function sequencesIn(positions: number, { sequenceLength }: EpochPlan): number {
  return Math.max(1, Math.floor(positions / sequenceLength));
}
