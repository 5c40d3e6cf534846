/** @file What fewer bits cost a model: its divergence from itself in float32, on a sample of rows. */

import type { TransferDocument } from "../data/transfer-set.js";
import { makeLocalTeacher } from "../teachers/local-teacher.js";
import { type LoadedModel, loadModelFolder } from "../weights/load-model.js";
import type { Precision } from "../weights/quantize/index.js";
import { packBatches, type ScoringOptions } from "./score-batches.js";
import { scoreModel } from "./score-model.js";
import type { Estimate } from "./statistics.js";
import { summarizeModel } from "./summarize-model.js";

/** How far a model is from itself in float32. */
export interface PrecisionCost {
  readonly precision: Precision;
  /** KL(float32 ‖ model) in nats per token. */
  readonly klFromFloat32: Estimate;
  readonly top1Agreement: Estimate;
  /** Scored tokens of the sample. */
  readonly tokens: number;
}

/** Scored tokens that a sample should have. */
const sampleTokens = 2048;

/**
 * Measures a teacher that was read in fewer bits on what it sees of some rows, spread over all of them.
 *
 * @returns null where there is no scored token.
 */
export async function measurePrecision(
  model: LoadedModel,
  precision: Precision,
  documents: readonly TransferDocument[],
  {
    sequenceLength,
    threads,
    ...options
  }: ScoringOptions & { readonly sequenceLength: number; readonly threads: number },
): Promise<PrecisionCost | null> {
  const sample = spread(documents).map((document) => ({ ...document, student: document.teacher }));
  const longest = sample.reduce((most, { student }) => Math.max(most, student.ids.length), sequenceLength);
  const batches = packBatches(sample, { sequenceLength: longest, batchTokens: 1024 });
  const positionCount = Math.max(1, ...batches.map(({ student }) => student.tokens));
  const teacher = await makeLocalTeacher(await loadModelFolder(model.path), { positionCount, threads });
  try {
    const scores = await scoreModel(model, batches, { ...options, positionCount, threads, teacher });
    const { klFromTeacher, top1Agreement } = summarizeModel(scores, sample);
    if (!klFromTeacher || !top1Agreement) return null;
    return { precision, klFromFloat32: klFromTeacher.mean, top1Agreement, tokens: scores.count };
  } finally {
    await teacher.dispose();
  }
}

/** Documents at equal distances, as many as make up the sample. */
function spread(documents: readonly TransferDocument[]): readonly TransferDocument[] {
  const total = documents.reduce((sum, { responseTokens }) => sum + responseTokens, 0);
  const step = Math.max(1, total / sampleTokens);
  return documents.filter((_, i) => Math.floor(i / step) > Math.floor((i - 1) / step));
}
