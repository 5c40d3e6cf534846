/** @file The table of derivative checks: one entry per op that has a rule. */

import { elementwiseCases } from "./elementwise.js";
import type { GradientCase } from "./gradient-case.js";
import { layerCases } from "./layers.js";
import { layoutCases } from "./layout.js";
import { productCases } from "./products.js";
import { reductionCases } from "./reductions.js";

export { buildCase, type GradientCase, type Inputs } from "./gradient-case.js";

export const gradientCases: ReadonlyMap<string, readonly GradientCase[]> = new Map<string, readonly GradientCase[]>(
  Object.entries({ ...elementwiseCases, ...productCases, ...reductionCases, ...layoutCases, ...layerCases }),
);
