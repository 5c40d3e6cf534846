/** @file The `data:` section of a config: which rows, split and laid out how. */

import { z } from "zod";

/** Share of the rows that is held out when neither `heldOut` nor `heldOutFraction` is given. */
export const defaultHeldOutFraction = 0.05;

const sources = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

/** The key that names the weights of rows. */
export const weightField = z
  .string()
  .min(1)
  .optional()
  .describe(
    "The field that says how much a row counts: a number of at least 0; 1 where a row lacks it. Losses are means by weight, so only proportions count; a row of 0 is left out. Default: all rows count alike.",
  );

/** Strict schema of a config's `data:` section. */
export const dataOptionsSchema = z
  .strictObject({
    train: sources.describe(
      'Training rows: a file, a glob, or a list of them (.jsonl, .json, .csv, .txt, .md, each also with .gz); "-" reads JSON lines from standard input.',
    ),
    heldOut: sources.optional().describe("Held-out rows, in the same forms as train. Excludes heldOutFraction."),
    heldOutFraction: z
      .number()
      .min(0)
      .lt(1)
      .optional()
      .describe(
        `Share of the training rows to hold out, chosen by a hash of their content; ${defaultHeldOutFraction} when heldOut is not given. 0 holds out nothing.`,
      ),
    weightField,
    template: z
      .string()
      .min(1)
      .default("auto")
      .describe(
        'Chat template: "auto" (the tokenizer\'s own, where it has one), "none", or the path of a Jinja template file.',
      ),
    sequenceLength: z
      .int()
      .min(2)
      .default(512)
      .describe("Tokens per sequence. Longer text is split; a response that does not fit is dropped and counted."),
    packing: z
      .boolean()
      .default(true)
      .describe("Fill every sequence with several documents; attention and positions stay within each document."),
    shuffle: z
      .boolean()
      .default(true)
      .describe("Draw a new order of the documents for every epoch, from training.seed."),
  })
  .superRefine(expectOneHeldOut);

/** Held-out rows are named, or a share of the training rows, not both. */
export function expectOneHeldOut(
  data: { readonly heldOut?: unknown; readonly heldOutFraction?: unknown },
  context: z.RefinementCtx,
): void {
  if (data.heldOut === undefined || data.heldOutFraction === undefined) return;
  context.addIssue({
    code: "custom",
    path: ["heldOutFraction"],
    message: "expected either heldOut or heldOutFraction, got both",
  });
}

/** The `data:` section of a validated config. */
export type DataOptions = z.infer<typeof dataOptionsSchema>;
