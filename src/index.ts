/** @file The public API of limbeck: run recipes, score with models, define divergences. */

export { loadConfig } from "./config/load-config.js";
export {
  ConfigError,
  type ConfigProblem,
  DataError,
  InterruptedError,
  LimbeckError,
  ModelError,
  NonFiniteError,
  ShapeError,
  UnsupportedError,
} from "./errors.js";
export { type GenerateOptions, type LoadModelOptions, loadModel, type Model } from "./evaluate/load-model.js";
export type { ScoredToken, ScoreRequest, ScoreResult, TokenLogProb } from "./evaluate/score.js";
export type { Estimate } from "./evaluate/statistics.js";
export type { GenerateRequest, GenerateResult } from "./generation/generate-text.js";
export type { Sampling } from "./generation/sampling.js";
export {
  computeLoss,
  type Divergence,
  type DivergenceDefinition,
  type DivergenceInput,
  defineDivergence,
  type LossInput,
  type LossResult,
  type Outcomes,
} from "./losses/index.js";
export { registerArchitecture } from "./models/index.js";
export type { RunEvent } from "./recipes/recipe.js";
export {
  type CaptureResult,
  captureRecipe,
  type RunConfig,
  type RunOptions,
  type RunResult,
  runRecipe,
} from "./recipes/run-recipe.js";
export type { Report } from "./report/report.js";
export { packageVersion as version } from "./version.js";
export { mergeAdapters } from "./weights/adapter/merge-adapters.js";
export type { LocateEvent, LocateOptions } from "./weights/hub/index.js";
export type { Precision } from "./weights/quantize/index.js";
