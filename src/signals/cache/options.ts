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

/** The `store:` of a cache. */
export const storeSchema = z.discriminatedUnion("kind", [hiddenStore]);

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
