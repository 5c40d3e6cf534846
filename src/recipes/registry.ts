/** @file The config schemas of all recipes, by name: to load a config, nothing is loaded that runs one. */

import type * as z from "zod";
import { type ClassificationConfig, classificationConfigSchema } from "./classification-options.js";
import { contextConfigSchema } from "./context-options.js";
import { finetuneConfigSchema, pretrainConfigSchema } from "./own-text-options.js";
import { sequenceConfigSchema } from "./sequence-options.js";
import { softLabelsConfigSchema } from "./soft-labels-options.js";
import { type WeakClassifiersConfig, weakToStrongConfigSchema } from "./weak-to-strong-config.js";

const schemas = {
  "soft-labels": softLabelsConfigSchema,
  context: contextConfigSchema,
  sequence: sequenceConfigSchema,
  classification: classificationConfigSchema,
  "weak-to-strong": weakToStrongConfigSchema,
  pretrain: pretrainConfigSchema,
  finetune: finetuneConfigSchema,
} as const;

export type RecipeName = keyof typeof schemas;

/** A validated config of any recipe. */
export type RunConfig = { [Name in RecipeName]: z.output<(typeof schemas)[Name]> }[RecipeName];

/** A validated config of a run whose models put texts into classes. */
export type ClassifierConfig = ClassificationConfig | WeakClassifiersConfig;

/** A validated config of a run whose models predict tokens. */
export type LanguageModelConfig = Exclude<RunConfig, ClassifierConfig>;

export function hasClassifiers(config: RunConfig): config is ClassifierConfig {
  return config.recipe === "classification" || "classes" in config;
}

export const recipeSchemas: { readonly [Name in RecipeName]: z.ZodType<RunConfig> } = schemas;
