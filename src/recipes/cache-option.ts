/** @file The `cache:` key of a config, and which objectives its store can teach. */

import type * as z from "zod";
import type { Objective } from "../losses/options.js";
import { findDivergence } from "../losses/registry.js";
import { type CacheOptions, cacheSchema } from "../signals/cache/options.js";

export const cache = cacheSchema.optional();

interface Sections {
  readonly objective: Objective;
  readonly cache?: CacheOptions | undefined;
}

/** Refuses divergences that a store of some tokens cannot teach, before a teacher is asked for them. */
export function checkStore({ objective, cache }: Sections, context: z.RefinementCtx): void {
  if (cache?.store.kind !== "sparse") return;
  for (const [name, term] of Object.entries(objective)) {
    if (term.kind !== "divergence") continue;
    const divergence = findDivergence(term.divergence);
    if (!divergence || divergence.accepts.includes("sparse")) continue;
    const reason = divergence.refusal ? `: ${divergence.refusal}` : "";
    const message =
      `expected one that learns from a top-k, such as "forward-kl", while cache.store.kind is "sparse"; ` +
      `got "${term.divergence}"${reason}`;
    context.addIssue({ code: "custom", path: ["objective", name, "divergence"], message });
  }
}
