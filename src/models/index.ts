/** @file Architectures. */

export {
  type Architecture,
  type CacheShape,
  countParameters,
  type KeyValues,
  type LayerShape,
  type LayerStructure,
  type ModelOutputs,
  type ModelShape,
  type ParameterRole,
  type ParameterSpec,
  type Past,
  type TokenInputs,
} from "./architecture.js";
export type { LayerForm, LayerPart, LayerTap } from "./layer-taps.js";
export type { LlamaShape } from "./llama.js";
export type { ModelDefinition } from "./model-graph.js";
export { architectureOf, registerArchitecture } from "./registry.js";
export { promptName, virtualIds, withSoftPrompt } from "./soft-prompt.js";
