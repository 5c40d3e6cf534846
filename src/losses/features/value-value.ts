/** @file The relation of values with values, over any number of relation heads. */

import type { Feature } from "./feature.js";
import { relationWithin } from "./relation.js";

/**
 * The {@link relationKl} among values: which positions look alike to attention as values, whatever heads the two sides have.
 *
 * @see Wang et al. 2021, "MiniLMv2", eq. 4 (arXiv:2012.15828), the Value-Value relation.
 */
export const valueValue: Feature = {
  name: "value-value",
  isProjected: false,
  defaultLayers: "last",
  ...relationWithin("values"),
};
