/** @file All recipes by name. */

import { classification } from "./classification.js";
import { context } from "./context.js";
import { finetune } from "./finetune.js";
import { pretrain } from "./pretrain.js";
import type { RecipeName } from "./registry.js";
import { sequence } from "./sequence.js";
import { softLabels } from "./soft-labels.js";
import { weakToStrong } from "./weak-to-strong.js";

export const recipes = {
  "soft-labels": softLabels,
  context,
  sequence,
  classification,
  "weak-to-strong": weakToStrong,
  pretrain,
  finetune,
} as const satisfies Record<RecipeName, unknown>;
