/** @file The `filters:` section of a config: which written responses are learned from. */

import { z } from "zod";

const share = z.number().min(0).max(1);

export const filtersSchema = z
  .strictObject({
    unfinished: z
      .enum(["drop", "keep"])
      .default("drop")
      .describe("Responses that reached generation.maxTokens; kept, they are learned without an end."),
    length: z
      .strictObject({
        minTokens: z.int().positive().optional().describe("Fewest tokens of a response."),
        maxTokens: z.int().positive().optional().describe("Most tokens of a response."),
      })
      .optional()
      .describe("Fewest and most tokens of a response, in the student's tokens, its end included."),
    repetition: z
      .strictObject({
        maxShare: share.describe("Most of its n-grams that a response may repeat."),
        tokens: z.int().positive().default(4).describe("The n of the n-grams, in the student's tokens."),
      })
      .optional()
      .describe(
        "Responses that repeat themselves: the share of n-grams that stood in the response before (seq-rep-n).",
      ),
    language: z
      .string()
      .regex(/^[a-z]{2}$/, { error: "expected a language's two letters (ISO 639-1), such as en" })
      .optional()
      .describe("The language that responses must be in, by its two letters (ISO 639-1)."),
    logProb: z
      .strictObject({ min: z.number().max(0).describe("Least mean, in nats per token; at most 0.") })
      .optional()
      .describe("Responses that their writer itself found unlikely, by their mean log-prob per token."),
    agreement: z
      .strictObject({
        min: share.describe("Least share of the row's samples that must agree, the response itself included."),
      })
      .optional()
      .describe(
        "Responses that other samples of the same row do not bear out. Two agree where they are the same but for case, spacing and closing punctuation.",
      ),
    duplicates: z
      .enum(["exact", "near", "keep"])
      .default("exact")
      .describe(
        "Responses that are the same as an earlier kept one to the same prompt, but for spacing; near: also those where both prompt and response are nearly the same as a kept row's.",
      ),
    nearSimilarity: z
      .number()
      .gt(0)
      .max(1)
      .default(0.8)
      .describe("Jaccard similarity of 5-word shingles from which texts are nearly the same."),
  })
  .describe("Which written responses are learned from; the others are kept apart, each with the reason.");

export type FilterOptions = z.output<typeof filtersSchema>;
