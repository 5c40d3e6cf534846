/** @file The trained projections of feature terms: matrices that live beside the student while it learns, and in no file of it. */

import { createRandom } from "../data/random.js";
import { planFeatures, projectionsOf } from "../losses/features/feature-terms.js";
import type { Objective } from "../losses/options.js";
import type { ModelDefinition } from "../models/model-graph.js";
import { float32Tensor, type HostTensor } from "../runtime/tensor.js";
import type { SignalForm } from "../signals/signal-feeds.js";

/** Streams of random numbers from here on are no model's weights. */
const firstStream = 1_000_000;

/**
 * The projections that an objective needs between two models, drawn uniformly from ±1/√studentHidden, as PyTorch's linear layers
 * are. The same models, objective and seed give the same ones.
 */
export function makeProjections(
  objective: Objective,
  student: ModelDefinition,
  signal: SignalForm | undefined,
  seed: number,
): ReadonlyMap<string, HostTensor> {
  const projections = projectionsOf(planFeatures(objective, student, signal));
  const made = projections.map(({ name, shape }, index) => {
    const random = createRandom(seed, firstStream + index);
    const bound = 1 / Math.sqrt(shape[1]);
    const values = Float32Array.from({ length: shape[0] * shape[1] }, () => bound * (2 * random.nextFloat() - 1));
    return [name, float32Tensor(shape, values)] as const;
  });
  return new Map(made);
}
