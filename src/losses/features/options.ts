/** @file A feature term in a config: which feature, which layers, and its own options. */

import * as z from "zod";
import type { Scheduled } from "../schedule.js";
import type { FeatureOptions } from "./feature.js";
import type { LayerMap } from "./layer-map.js";
import { featureNames, featureOf } from "./registry.js";
import { defaultNeighbours } from "./relational-angle.js";

/** What layers of the student compute against what layers of the teacher do. */
export interface FeatureTerm extends FeatureOptions {
  readonly kind: "feature";
  readonly weight: Scheduled;
  readonly feature: string;
  /** The mean over these pairs of layers is the term. */
  readonly layers: LayerMap;
}

const layer = z.int().nonnegative();

const layerPairList = z
  .array(z.tuple([layer, layer]))
  .min(1)
  .refine((pairs) => new Set(pairs.map(String)).size === pairs.length, { error: "expected each pair of layers once" });

/**
 * The schema of a feature term.
 *
 * @param kind - what `kind` may be.
 * @param weight - every term's.
 */
export function featureTerm(kind: z.ZodType<"feature", "feature" | undefined>, weight: z.ZodType<Scheduled>) {
  return z
    .strictObject({
      kind,
      weight,
      feature: z
        .enum(featureNames)
        .default("hidden-mse")
        .describe("What is compared of the layers: hidden states, relations between positions, or attention."),
      layers: z
        .union([z.enum(["even", "last"]), layerPairList])
        .optional()
        .describe(
          "Which layers: even (each of the student's with the one as far up the teacher), last, or pairs [student, teacher] from 1, 0 being the token embeddings. Default: even for hidden-mse and hidden-cosine, else last.",
        ),
      relationHeads: z
        .int()
        .positive()
        .optional()
        .describe(
          "Relation heads of query-key, key-key and value-value; as many as the student has heads where left out.",
        ),
      neighbours: z
        .int()
        .min(2)
        .optional()
        .describe(`How many places back relational-angle looks; ${defaultNeighbours} where left out.`),
    })
    .superRefine(
      (term, context) => {
        const taken = featureNames.includes(term.feature) ? featureOf(term.feature).options : undefined;
        for (const key of ["relationHeads", "neighbours"] as const) {
          if (term[key] === undefined || taken === undefined || taken.includes(key)) continue;
          const message = `expected nothing, because ${term.feature} has no ${key}, got ${term[key]}`;
          context.addIssue({ code: "custom", path: [key], message });
        }
      },
      { when: ({ value }) => typeof value === "object" },
    )
    .transform((term) => ({ ...term, layers: term.layers ?? featureOf(term.feature).defaultLayers }));
}
