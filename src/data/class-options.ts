/** @file The `data:` section of a config whose texts are put into classes: which rows, and which of their fields. */

import * as z from "zod";
import { dataOptionsSchema, expectOneHeldOut } from "./options.js";

const { train, heldOut, heldOutFraction, weightField, packing, shuffle } = dataOptionsSchema.shape;

/** Strict schema of the section. */
export const classDataSchema = z
  .strictObject({
    train: train.describe(
      "Training rows {text, label?, probabilities?}: a file, a glob, or a list of them, in the forms of every recipe. A row without a label learns from the teacher alone.",
    ),
    unlabelled: train
      .optional()
      .describe(
        "More training rows, whose labels, if they have some, are not looked at: the teacher tells their classes.",
      ),
    heldOut,
    heldOutFraction,
    textField: z.string().min(1).default("text").describe("The field that holds the text."),
    groupField: z
      .string()
      .min(1)
      .optional()
      .describe(
        "The field that says which texts belong together, such as a thread: they stand on one side of every split, and intervals resample whole groups. Left out: every text by itself.",
      ),
    labelField: z.string().min(1).default("label").describe("The field that holds the name of the class."),
    weightField,
    sequenceLength: z
      .int()
      .min(2)
      .default(512)
      .describe(
        "Tokens (or n-grams) that the student reads of a text. Longer texts are cut, and counted in the report.",
      ),
    packing,
    shuffle,
  })
  .superRefine(expectOneHeldOut);

/** The section of a validated config. */
export type ClassDataOptions = z.output<typeof classDataSchema>;
