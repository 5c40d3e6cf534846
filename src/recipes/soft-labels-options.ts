/** @file The config of the `soft-labels` recipe. */

import type * as z from "zod";
import { objectiveSchema } from "../losses/options.js";
import { cache, checkStore } from "./cache-option.js";
import { mixedTeacherSchema, recipeSchema, studentSchema } from "./options.js";

export const softLabelsConfigSchema = recipeSchema("soft-labels", {
  teacher: mixedTeacherSchema,
  student: studentSchema,
  objective: objectiveSchema,
  cache,
}).superRefine(checkStore);

/** A validated config. */
export type SoftLabelsConfig = z.output<typeof softLabelsConfigSchema>;
