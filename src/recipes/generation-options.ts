/** @file How a model writes: the config keys of every section that has responses written. */

import * as z from "zod";

/** Samples to every prompt, their length, and how tokens are chosen. */
export const generationKeys = {
  samples: z.int().positive().default(1).describe("Responses to every row."),
  maxTokens: z
    .int()
    .positive()
    .default(128)
    .describe("Most tokens of one response. One that is cut here is learned without an end, and counted."),
  samplingTemperature: z
    .number()
    .nonnegative()
    .default(0)
    .describe("0: the likeliest token, always; above 0 tokens are drawn from the softened distribution."),
  topK: z.int().positive().optional().describe("Draw among this many likeliest tokens."),
  topP: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe("Draw among the fewest likeliest tokens that together have this share of the probability."),
  minP: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe("Draw among tokens that have at least this share of the likeliest one's probability."),
  repetitionPenalty: z.number().gt(0).optional().describe("Makes tokens that were there before less likely."),
  seed: z.int().default(0).describe("Starts the random numbers of the writing."),
};

export type GenerationOptions = z.output<z.ZodObject<typeof generationKeys>>;

/** Refuses options that a greedy choice makes void. */
export function checkGeneration(
  { samplingTemperature, ...options }: GenerationOptions,
  context: z.RefinementCtx,
): void {
  if (samplingTemperature !== 0) return;
  const refuse = (key: "samples" | "topK" | "topP" | "minP", what: string) =>
    context.addIssue({ code: "custom", path: [key], message: `expected ${what} at samplingTemperature 0` });
  if (options.samples > 1) refuse("samples", "1, because all samples would be the same");
  for (const key of ["topK", "topP", "minP"] as const) {
    if (options[key] !== undefined) refuse(key, "none, because only the likeliest token is taken");
  }
}
