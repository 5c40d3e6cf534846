/**
 * @file A model with a soft prompt: learned vectors that stand before every text, in the place of token embeddings.
 *
 * The vectors are rows of a matrix `[virtual, hidden]` of their own, and have ids of their own, which follow those of the head:
 * headWidth, headWidth + 1, … A view of a document begins with these ids (data/virtual-tokens.ts), so that positions, packing and
 * attention treat them as tokens like any other. No text holds them, and the head gives them no score.
 *
 * Lester, Al-Rfou & Constant 2021, "The Power of Scale for Parameter-Efficient Prompt Tuning", §2 (arXiv:2104.08691).
 */

import { UnsupportedError } from "../errors.js";
import type { Value } from "../graph/graph.js";
import type { Architecture, ModelShape, ParameterSpec } from "./architecture.js";
import type { PromptedTable } from "./layers/linear.js";
import type { ModelDefinition } from "./model-graph.js";

/** The name of the matrix, which is PEFT's. */
export const promptName = "prompt_embeddings";

/** The matrix `[virtual, hidden]` of a soft prompt. */
export function promptSpec({ hiddenSize }: ModelShape, virtualTokens: number): ParameterSpec {
  return { name: promptName, shape: [virtualTokens, hiddenSize], role: "prompt" };
}

/** The ids that stand before every text that a model reads; none where it has no soft prompt. */
export function virtualIds({
  headWidth,
  virtualTokens = 0,
}: Pick<ModelShape, "headWidth" | "virtualTokens">): Int32Array {
  return Int32Array.from({ length: virtualTokens }, (_, i) => headWidth + i);
}

/** The same model with a soft prompt of so many vectors, the last of its parameters. */
export function withSoftPrompt<Model extends ModelDefinition>(model: Model, virtualTokens: number): Model {
  const shape = { ...model.shape, virtualTokens };
  return { ...model, shape, architecture: promptedArchitecture(model.architecture) };
}

/** The same architecture, where `embed` finds the prompt beside the embedding table. */
function promptedArchitecture(base: Architecture): Architecture {
  const parameters = (shape: ModelShape) => [...base.parameters(shape), promptSpec(shape, shape.virtualTokens ?? 0)];
  return {
    ...base,
    parameters,
    build(graph, shape, tokens, weights, options) {
      const table = base.parameters(shape).find(({ role }) => role === "embedding")?.name;
      const rows = weights(promptName);
      const prompt = { rows, firstId: shape.headWidth };
      const prompted = (name: string): Value =>
        name === table
          ? Object.assign(weights(name), { prompt } satisfies Pick<PromptedTable, "prompt">)
          : weights(name);
      const outputs = base.build(graph, shape, tokens, prompted, options);
      if (graph.nodes.some(({ inputs }) => inputs.includes(rows))) return outputs;
      throw new UnsupportedError(
        `models: the architecture of "${shape.modelType}" must look its embeddings up with embed() to take a soft prompt.`,
      );
    },
  };
}
