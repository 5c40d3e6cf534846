/** @file Public API of limbeck/generation: tokens from a model, chosen one after the other. */

export { applyTemperature, argMax, keepMinP, keepTopK, keepTopP, penalizeRepetition, tokenAt } from "./filters.js";
export type { Sampling } from "./sampling.js";
export {
  type FinishReason,
  type GeneratedToken,
  makeTokenGenerator,
  type PromptPrefix,
  type TokenGenerator,
  type TokenOptions,
} from "./token-generator.js";
export { mostSequences, type WritingOptions, type WrittenResponse, writeResponses } from "./write-responses.js";
