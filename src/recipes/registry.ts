/** @file All recipes by name, and their schemas for loading configs. */

import type * as z from "zod";
import { type ClassificationConfig, classification } from "./classification.js";
import { context } from "./context.js";
import { finetune } from "./finetune.js";
import { pretrain } from "./pretrain.js";
import { sequence } from "./sequence.js";
import { softLabels } from "./soft-labels.js";
import { type WeakClassifiersConfig, weakToStrong } from "./weak-to-strong.js";

export const recipes = {
  "soft-labels": softLabels,
  context,
  sequence,
  classification,
  "weak-to-strong": weakToStrong,
  pretrain,
  finetune,
} as const;

export type RecipeName = keyof typeof recipes;

/** A validated config of any recipe. */
export type RunConfig = { [Name in RecipeName]: z.output<(typeof recipes)[Name]["config"]> }[RecipeName];

/** A validated config of a run whose models put texts into classes. */
export type ClassifierConfig = ClassificationConfig | WeakClassifiersConfig;

/** A validated config of a run whose models predict tokens. */
export type LanguageModelConfig = Exclude<RunConfig, ClassifierConfig>;

export function hasClassifiers(config: RunConfig): config is ClassifierConfig {
  return config.recipe === "classification" || "classes" in config;
}

export const recipeSchemas: { readonly [Name in RecipeName]: z.ZodType<RunConfig> } = {
  "soft-labels": softLabels.config,
  context: context.config,
  sequence: sequence.config,
  classification: classification.config,
  "weak-to-strong": weakToStrong.config,
  pretrain: pretrain.config,
  finetune: finetune.config,
};
