/** @file The config of a writer that is asked over HTTP: any server that speaks OpenAI's API for text. */

import { z } from "zod";

export const endpointSchema = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .describe("Where the API begins, through its version, such as https://api.openai.com/v1."),
  model: z.string().min(1).describe("The model's name at the endpoint."),
  api: z
    .enum(["chat", "completions"])
    .default("chat")
    .describe("chat/completions, which takes messages; or completions, which goes on from a text."),
  keyFrom: z
    .string()
    .regex(/^[A-Za-z_]\w*$/, {
      error: "expected the name of an environment variable that holds the key, not the key",
    })
    .optional()
    .describe("The environment variable that holds the key. Left out, none is sent."),
  concurrency: z.int().positive().default(4).describe("Requests at once."),
  maxRetries: z
    .int()
    .nonnegative()
    .default(5)
    .describe("How often a request is sent again that fails by chance: no connection, no answer, 429, 5xx, nonsense."),
  retrySeconds: z
    .number()
    .positive()
    .default(1)
    .describe("The wait before the first retry; it doubles with each, with jitter. A server's Retry-After is obeyed."),
  timeoutSeconds: z.number().positive().default(120).describe("After so long without an answer a request has failed."),
  pricePerMillionTokens: z
    .strictObject({
      prompt: z.number().nonnegative().describe("Price of a million tokens that are read."),
      completion: z.number().nonnegative().describe("Price of a million tokens that are written."),
    })
    .optional()
    .describe("What the endpoint charges, in any currency; left out, tokens are counted without a price."),
});

export type EndpointOptions = z.output<typeof endpointSchema>;
