/** @file The `cache:` section of a config: where a teacher's signals are kept, and how much of them. */

import * as z from "zod";

/** What each number of a hidden state is stored in. */
export const hiddenPrecisions = ["float32", "float16", "int8"] as const;
export type HiddenPrecision = (typeof hiddenPrecisions)[number];

const hiddenStore = z
  .strictObject({
    kind: z.literal("hidden").describe("The teacher's final hidden states: whole distributions, by its output head."),
    precision: z
      .enum(hiddenPrecisions)
      .default("float32")
      .describe("4, 2 or about 1 byte per number: the same as a live teacher, KL below 1e-6, or a little more."),
  })
  .describe("Final hidden states; a run needs the teacher's output head besides.");

/** What stands for the tokens that are not kept: see losses/outcomes.ts. */
export const tails = ["bucket", "renormalize", "drop", "sampled"] as const;

const sparseStore = z
  .strictObject({
    kind: z
      .literal("sparse")
      .describe("Some tokens of every distribution, and the mass of the rest at every temperature."),
    topK: z.int().nonnegative().default(64).describe("The likeliest tokens that are kept of a distribution, at most."),
    topP: z
      .number()
      .positive()
      .max(1)
      .default(1)
      .describe("Keep no more of them than hold this much of the probability."),
    minimumProbability: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe("Keep only those that are this likely; the likeliest is always kept."),
    samples: z
      .int()
      .nonnegative()
      .default(0)
      .describe("Tokens drawn at random from the rest; with topK 0 from the whole distribution."),
    logProbError: z
      .number()
      .min(0)
      .max(2)
      .default(0.25)
      .describe("No log-prob comes back further off than this, in nats; 0: they are stored in float32."),
    temperatures: z
      .array(z.number().positive())
      .default([])
      .describe("Temperatures at which other runs may ask; those of the objective are always stored."),
    tail: z
      .enum(tails)
      .default("bucket")
      .describe(
        "What stands for the rest in a divergence: one more outcome of its mass (bucket), nothing, the kept tokens as they are (drop) or scaled to sum to 1 (renormalize), or the tokens drawn (sampled).",
      ),
  })
  .superRefine(({ topK, samples, tail }, context) => {
    if (topK === 0 && samples === 0) context.addIssue("expected tokens to keep, topK or samples, got neither");
    if (samples > 0 !== (tail === "sampled")) {
      const message = `expected "sampled" where samples is above 0, and only there, got ${JSON.stringify(tail)} with ${samples} samples`;
      context.addIssue({ code: "custom", path: ["tail"], message });
    }
  })
  .describe("Kept tokens and a tail: the fewest bytes; a run needs nothing of the teacher besides.");

/** The `store:` of a cache. */
export const storeSchema = z.discriminatedUnion("kind", [hiddenStore, sparseStore]);

export type StoreOptions = z.output<typeof storeSchema>;

/** The schema of `cache:`. */
export const cacheSchema = z
  .strictObject({
    directory: z
      .string()
      .min(1)
      .default(".limbeck/cache")
      .describe("Folder of captures; those of other teachers and other rows may stand beside each other."),
    capture: z
      .string()
      .min(1)
      .optional()
      .describe("Folder of one capture that must fit and hold every row; nothing is asked of the teacher."),
    store: storeSchema
      .default({ kind: "hidden", precision: "float32" })
      .describe("What is kept of every distribution."),
  })
  .describe("Keep what the teacher says, so that it is asked once for all runs. Left out: the teacher runs live.");

export type CacheOptions = z.output<typeof cacheSchema>;
