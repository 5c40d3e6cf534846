/** @file The configs of the recipes that learn from text alone: `pretrain` and `finetune`. */

import { recipeSchema, studentSchema } from "./options.js";

export const pretrainConfigSchema = recipeSchema("pretrain", {
  student: studentSchema.refine(({ shape }) => shape !== undefined, { error: "expected a new model, as a `shape`" }),
});

export const finetuneConfigSchema = recipeSchema("finetune", {
  student: studentSchema.refine(({ model }) => model !== undefined, { error: "expected a `model` to start from" }),
});
