/** @file Losses: objectives, divergences and how to define your own. */

export {
  type Divergence,
  type DivergenceDefinition,
  type DivergenceInput,
  defineDivergence,
  type TeacherKind,
} from "./divergence.js";
export { type LossInput, lossInputSchema } from "./loss-input.js";
export { computeLoss, type LossResult } from "./loss-laboratory.js";
export { type Objective, type ObjectiveTerm, objectiveSchema } from "./options.js";
export type { Outcomes } from "./outcomes.js";
