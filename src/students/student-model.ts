/** @file A model that is about to be trained: its start, and which of its weights training leaves alone. */

import type { ModelWithWeights } from "../weights/load-model.js";
import type { StudentAdapters } from "./low-rank-adapters.js";
import type { StudentSoftPrompt } from "./soft-prompt.js";

export interface StudentModel extends ModelWithWeights {
  /** Names of weights that get no gradient, no moments and no place in checkpoints. */
  readonly frozen?: ReadonlySet<string>;
  /** Low-rank adapters, where they are all that is trained. */
  readonly adapters?: StudentAdapters;
  /** What the model before which a soft prompt is trained is called on disk. */
  readonly softPrompt?: StudentSoftPrompt;
}

/** Weights that are trained, in the order of the model. */
export function trainedParameters({ architecture, shape, frozen }: StudentModel) {
  return architecture.parameters(shape).filter(({ name }) => !frozen?.has(name));
}
