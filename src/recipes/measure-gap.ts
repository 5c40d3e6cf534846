/** @file Weak teacher, students and ceiling on the same held-out rows, and how much of the gap each student recovers. */

import type { TransferDocument } from "../data/index.js";
import { performanceGap } from "../evaluate/performance-gap.js";
import { type BatchScores, packBatches } from "../evaluate/score-batches.js";
import { scoreModel } from "../evaluate/score-model.js";
import { estimateMean } from "../evaluate/statistics.js";
import { clusterOf } from "../evaluate/summarize-model.js";
import type { Scheduled } from "../losses/schedule.js";
import { type Measure, measures, type Performance, type WeakToStrongReport } from "../report/weak-to-strong.js";
import { widestBatch } from "../training/train-student.js";
import { loadModelFolder } from "../weights/load-model.js";
import type { RecipeContext } from "./recipe.js";
import type { CommonConfig } from "./run-parts.js";

/** A trained model by its folder. */
export interface MeasuredModel {
  readonly name: string;
  /** Where it is, for this process. */
  readonly folder: string;
  /** As the report says it. */
  readonly path: string;
}

export interface MeasuredModels {
  readonly weak: MeasuredModel;
  readonly ceiling: MeasuredModel;
  readonly students: readonly (MeasuredModel & { readonly weakWeight: Scheduled })[];
}

type Gap = Pick<WeakToStrongReport, "weak" | "ceiling" | "gap" | "students">;

/** Per row of the held-out text, higher is better. */
const performanceOf: Readonly<Record<Measure, (scores: BatchScores) => Float32Array>> = {
  loss: ({ targetLogProbs }) => targetLogProbs,
  accuracy: ({ accuracy }) => accuracy!,
};

/** @param heldOut - at least one document. */
export async function measureGap(
  { config, emit, signal }: RecipeContext<CommonConfig>,
  { weak, ceiling, students }: MeasuredModels,
  heldOut: readonly TransferDocument[],
  threads: number,
): Promise<Gap> {
  const { sequenceLength } = config.data;
  const batches = packBatches(heldOut, { sequenceLength, batchTokens: config.training.microBatchTokens });
  const positionCount = widestBatch(heldOut, sequenceLength);
  const score = async ({ name, folder }: MeasuredModel): Promise<BatchScores> => {
    emit({ type: "phase", phase: "evaluating", message: `measuring ${name} on the ground truth of held-out rows` });
    return scoreModel(await loadModelFolder(folder), batches, {
      positionCount,
      threads,
      signal,
      onProgress: (done, total) => emit({ type: "progress", task: `measuring ${name}`, done, total, unit: "rows" }),
    });
  };
  const weakScores = await score(weak);
  const ceilingScores = await score(ceiling);
  const clusters = Int32Array.from(weakScores.documents, clusterOf(heldOut));
  const performance = ({ name, path }: MeasuredModel, scores: BatchScores): Performance => {
    const nats = scores.targetLogProbs.map((logProb) => -logProb);
    return { name, path, loss: estimateMean(nats, clusters)!, accuracy: estimateMean(scores.accuracy!, clusters)! };
  };
  const gapOf = (measure: Measure, scores: BatchScores) => {
    const of = performanceOf[measure];
    return performanceGap({ weak: of(weakScores), student: of(scores), ceiling: of(ceilingScores), clusters })!;
  };
  const perMeasure = <Value>(value: (measure: Measure) => Value) =>
    Object.fromEntries(measures.map((measure) => [measure, value(measure)])) as Record<Measure, Value>;
  const taught: WeakToStrongReport["students"][number][] = [];
  for (const student of students) {
    const scores = await score(student);
    const recovered = perMeasure((measure) => gapOf(measure, scores).recovered);
    taught.push({ ...performance(student, scores), weakWeight: student.weakWeight, recovered });
  }
  return {
    weak: performance(weak, weakScores),
    ceiling: performance(ceiling, ceilingScores),
    gap: perMeasure((measure) => gapOf(measure, ceilingScores).gap),
    students: taught,
  };
}
