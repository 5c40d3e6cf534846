/** @file What a run reads, and what it costs: rows, tokens, steps, memory and time. */

import os from "node:os";
import { countSourceRows, type LoadedData, measureDocuments, planEpoch } from "../data/index.js";
import { estimateMemory, type MemoryEstimate, type TeacherWeights } from "../recipes/estimate-memory.js";
import { type EstimateOptions, estimateTime } from "../recipes/estimate-time.js";
import { mixtureOf } from "../recipes/open-models.js";
import type { RunConfig } from "../recipes/registry.js";
import type { RunParts } from "../recipes/run-parts.js";
import type { WritingTime } from "../recipes/sample-writing.js";
import { threadsOf } from "../recipes/threads-of.js";
import { formatBytes, formatCount, formatPercent, formatSeconds } from "../report/format.js";
import { sequencesIn } from "../training/steps.js";
import type { Finding, OpenCheck } from "./check-findings.js";

/** Rows, tokens and steps. */
export function dataFindings(
  { data: options, training }: Pick<RunConfig, "data" | "training">,
  { train, heldOut }: LoadedData,
): Finding[] {
  const plan = planEpoch(train, { ...options, seed: training.seed, epoch: 0 });
  const stepsPerEpoch = Math.ceil(plan.sequences.length / sequencesIn(training.tokensPerStep, plan));
  const steps = training.steps ?? stepsPerEpoch * (training.epochs ?? 1);
  const epochs = steps / Math.max(1, stepsPerEpoch);
  const split = (name: string, documents: LoadedData["train"]): Finding => {
    const { tokens, responseTokens } = measureDocuments(documents);
    const rows = countSourceRows(documents);
    const words = [
      `${rows.toLocaleString("en-US")} rows`,
      `${formatCount(tokens)} tokens`,
      `${formatCount(responseTokens)} of them learned`,
    ];
    return [name, words.join(", "), { rows, tokens, responseTokens }];
  };
  return [
    split("train", train),
    split("held out", heldOut),
    [
      "epoch",
      `${plan.sequences.length.toLocaleString("en-US")} sequences of ${plan.sequenceLength} tokens, ${formatPercent(plan.waste)} of them empty`,
      { sequences: plan.sequences.length, sequenceLength: plan.sequenceLength, waste: plan.waste },
    ],
    [
      "steps",
      `${steps.toLocaleString("en-US")} of ${formatCount(training.tokensPerStep)} tokens, which is ${epochs.toFixed(epochs < 10 ? 1 : 0)} epochs`,
      {
        steps,
        stepsPerEpoch,
        epochs,
        tokensPerStep: training.tokensPerStep,
        microBatchTokens: training.microBatchTokens,
      },
    ],
  ];
}

export interface CostOptions {
  /** Called before the seconds in which a few batches are timed. */
  readonly measuring: () => void;
  /** Left out where no response is written. */
  readonly writing?: WritingTime | undefined;
  readonly students?: EstimateOptions["students"];
  readonly weak?: EstimateOptions["weak"];
}

/** Adds what the run needs at its peak, with a warning where it is too much, and how long it takes where it fits. */
export async function findCosts(
  check: OpenCheck,
  config: RunConfig,
  parts: RunParts,
  { measuring, writing, ...others }: CostOptions,
): Promise<void> {
  const teachers: TeacherWeights[] = [];
  for (const { teacher, weight } of parts.teacher ? mixtureOf(parts.teacher) : []) {
    teachers.push({ model: await teacher.load(), weight });
  }
  const memory = estimateMemory(config, await parts.student.start(), teachers, parts.objective, parts.data);
  const available = os.totalmem();
  const needs = `about ${formatBytes(memory.peakBytes)} of this machine's ${formatBytes(available)}`;
  check.add(["memory", needs, { ...memory, machineBytes: available }]);
  if (memory.peakBytes > available) {
    const message = `the run needs about ${formatBytes(memory.peakBytes)} of memory, got ${formatBytes(available)}; ${knob(config, memory)}`;
    check.warn({ code: "MEMORY", message });
    return;
  }
  // A run opens what the check has opened by now, and takes as long for it.
  const opening = performance.now() / 1000 - (writing?.spent ?? 0);
  measuring();
  const time = await estimateTime(config, parts, {
    threads: threadsOf(config),
    opening,
    writing: writing?.seconds ?? 0,
    ...others,
  });
  const shares = (["preparation", "writing", "weak", "training", "twin", "evaluation", "report"] as const)
    .filter((name) => time[name] > 0)
    .map((name) => `${name} ${formatSeconds(time[name])}`);
  check.add(["time", `about ${formatSeconds(time.seconds)}: ${shares.join(", ")}`, { ...time }]);
}

/** What to change first where memory is short. */
function knob(
  { training, data }: Pick<RunConfig, "data" | "training">,
  { microBatch, teacher, student }: MemoryEstimate,
): string {
  if (!training.recompute) return "set training.recompute: true.";
  if (microBatch > Math.max(teacher, student) && training.microBatchTokens > data.sequenceLength)
    return "lower training.microBatchTokens.";
  return teacher > student ? "take a smaller teacher." : "take a smaller student.";
}
