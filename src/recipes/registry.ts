/** @file All recipes by name, and their schemas for loading configs. */

import type * as z from "zod";
import { context } from "./context.js";
import { finetune } from "./finetune.js";
import { pretrain } from "./pretrain.js";
import { sequence } from "./sequence.js";
import { softLabels } from "./soft-labels.js";

export const recipes = { "soft-labels": softLabels, context, sequence, pretrain, finetune } as const;

export type RecipeName = keyof typeof recipes;

/** A validated config of any recipe. */
export type RunConfig = { [Name in RecipeName]: z.output<(typeof recipes)[Name]["config"]> }[RecipeName];

export const recipeSchemas: { readonly [Name in RecipeName]: z.ZodType<RunConfig> } = {
  "soft-labels": softLabels.config,
  context: context.config,
  sequence: sequence.config,
  pretrain: pretrain.config,
  finetune: finetune.config,
};
