/** @file The training documents that a run's steps read, which a short run on much text is a part of: nobody asks its teacher for more. */

import type { TransferDocument } from "../data/transfer-set.js";
import { planSteps } from "../training/steps.js";
import type { CommonConfig } from "./run-parts.js";

/** In their order. */
export function askedDocuments(
  train: readonly TransferDocument[],
  { data, training }: Pick<CommonConfig, "data" | "training">,
): readonly TransferDocument[] {
  const plan = planSteps(train, { ...data, ...training });
  const asked = new Set<number>();
  for (let step = 1; step <= plan.steps && asked.size < train.length; step++) {
    for (const document of plan.at(step).sequences.flat()) asked.add(document);
  }
  return train.filter((_, document) => asked.has(document));
}
