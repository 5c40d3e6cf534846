/** @file Differentiation of graphs. */

export { gradients, pullback, type Seed } from "./gradients.js";
export { recomputed } from "./recompute.js";
export type { GradientRule, LazyGradient } from "./rule.js";
