/** @file Several students on one set of rows: quality against size, memory and latency, and which of them are worth having. */

import type { Estimate } from "../evaluate/statistics.js";

/** What `limbeck evaluate` over several students reports, exactly as with `--json`. All losses in nats, lower is better. */
export interface TradeOff {
  readonly limbeckTradeOff: 1;
  /** ISO 8601, with time zone. */
  readonly created: string;
  readonly limbeckVersion: string;
  readonly machine: string;
  readonly threads: number;
  readonly data: { readonly documents: number; readonly tokens: number; readonly responseTokens: number };
  /** What quality is: KL from the teacher, or perplexity where there is none. */
  readonly quality: "kl" | "perplexity";
  readonly teacher: TradeOffModel | null;
  /** In the order in which they were named. */
  readonly students: readonly (TradeOffModel & { readonly onFront: Readonly<Record<Cost, boolean>> })[];
}

/** A model's quality and what it takes to run it. */
export interface TradeOffModel {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly peakMemoryBytes: number;
  readonly promptMsPerToken: number;
  /** One token after the other, behind a prompt. */
  readonly decodeMsPerToken: number;
  readonly perplexity: Estimate | null;
  /** KL(teacher ‖ model) in nats per token; null for the teacher and where there is none. */
  readonly klFromTeacher: { readonly mean: Estimate; readonly median: number; readonly p99: number } | null;
  readonly top1Agreement: Estimate | null;
}

/** What quality is weighed against. */
export type Cost = "size" | "memory" | "latency";

export const costs: readonly Cost[] = ["size", "memory", "latency"];

/** Bytes, bytes, and milliseconds per written token. */
export function costOf(model: TradeOffModel, cost: Cost): number {
  return { size: model.bytes, memory: model.peakMemoryBytes, latency: model.decodeMsPerToken }[cost];
}

/** Nats per token from the teacher, 0 for the teacher itself; or perplexity. */
export function lossOf(model: TradeOffModel, quality: TradeOff["quality"]): number {
  if (quality === "perplexity") return model.perplexity?.value ?? Number.NaN;
  return model.klFromTeacher?.mean.value ?? 0;
}

/** Marks the students that no other beats: on the Pareto front of a cost, whatever is cheaper is worse. */
export function markFronts(
  models: readonly TradeOffModel[],
  quality: TradeOff["quality"],
): readonly TradeOff["students"][number][] {
  const fronts = costs.map((cost) => {
    const points = models.map((model) => ({ cost: costOf(model, cost), loss: lossOf(model, quality) }));
    return [cost, paretoFront(points)] as const;
  });
  return models.map((model, i) => {
    const onFront = Object.fromEntries(fronts.map(([cost, marks]) => [cost, marks[i]!])) as Record<Cost, boolean>;
    return { ...model, onFront };
  });
}

/** For each point whether no other is at most as costly and as lossy, and less in one of the two. */
export function paretoFront(points: readonly { readonly cost: number; readonly loss: number }[]): readonly boolean[] {
  return points.map(
    (point) =>
      !points.some(
        ({ cost, loss }) => cost <= point.cost && loss <= point.loss && (cost < point.cost || loss < point.loss),
      ),
  );
}

/** `A`, `B`, …, `Z`, `AA`, …: what a student is called in the plot. */
export function letterOf(index: number): string {
  return (index >= 26 ? letterOf(Math.floor(index / 26) - 1) : "") + String.fromCharCode(65 + (index % 26));
}
