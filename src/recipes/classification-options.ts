/** @file The config of the `classification` recipe. */

import type * as z from "zod";
import { classDataSchema } from "../data/class-options.js";
import { classObjectiveSchema } from "../losses/options.js";
import { classNamesSchema, classStudentSchema, classTeacherSchema } from "./class-options.js";
import { recipeSchemaFor } from "./options.js";

export const classificationConfigSchema = recipeSchemaFor(
  "classification",
  {
    classes: classNamesSchema
      .optional()
      .describe(
        "The names of the classes, in the order of the student's outputs. Default: the teacher's, or those of the rows, sorted.",
      ),
    teacher: classTeacherSchema.optional(),
    student: classStudentSchema,
    objective: classObjectiveSchema,
  },
  classDataSchema,
);

/** A validated config. */
export type ClassificationConfig = z.output<typeof classificationConfigSchema>;
