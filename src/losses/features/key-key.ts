/** @file The relation of keys with keys, over any number of relation heads. */

import type { Feature } from "./feature.js";
import { relationWithin } from "./relation.js";

/**
 * The {@link relationKl} among keys: which positions look alike to attention as keys, whatever heads the two sides have.
 *
 * @see Wang et al. 2021, "MiniLMv2", eq. 4 (arXiv:2012.15828), the Key-Key relation.
 */
export const keyKey: Feature = {
  name: "key-key",
  isProjected: false,
  defaultLayers: "last",
  ...relationWithin("keys"),
};
