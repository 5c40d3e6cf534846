/** @file The features that an objective can compare, by name. */

import { attentionKl } from "./attention-kl.js";
import type { Feature } from "./feature.js";
import { hiddenCosine } from "./hidden-cosine.js";
import { hiddenMse } from "./hidden-mse.js";
import { keyKey } from "./key-key.js";
import { queryKey } from "./query-key.js";
import { relationalAngle } from "./relational-angle.js";
import { relationalDistance } from "./relational-distance.js";
import { similarityPreserving } from "./similarity-preserving.js";
import { valueValue } from "./value-value.js";

const all = [
  hiddenMse,
  hiddenCosine,
  similarityPreserving,
  relationalDistance,
  relationalAngle,
  attentionKl,
  queryKey,
  keyKey,
  valueValue,
] as const satisfies readonly Feature[];

export const featureNames: readonly string[] = all.map(({ name }) => name);

/** The feature of a name that a config's schema has let through. */
export function featureOf(name: string): Feature {
  return all.find((feature) => feature.name === name)!;
}
