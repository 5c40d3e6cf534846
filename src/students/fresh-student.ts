/** @file A student with random weights: config.json from a shape, and weights drawn from a seed. */

import { createRandom, type Random } from "../data/random.js";
import type { ParameterSpec } from "../models/architecture.js";
import { architectureOf } from "../models/registry.js";
import { float32Tensor, type HostTensor } from "../runtime/tensor.js";
import type { ModelWithWeights } from "../weights/load-model.js";

/** The sizes of a Llama-family model, in words. */
export interface FreshShape {
  readonly modelType: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly keyValueHeads?: number | undefined;
  readonly headDim?: number | undefined;
  readonly feedForwardSize: number;
  readonly tieEmbeddings: boolean;
  readonly maxPositions: number;
  readonly ropeTheta: number;
  readonly normEpsilon: number;
  readonly vocabSize: number;
  readonly endTokenId?: number | undefined;
}

const initializerRange = 0.02;

const classNames: Readonly<Record<string, string>> = {
  llama: "LlamaForCausalLM",
  mistral: "MistralForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
};

/** The model that {@link makeFreshStudent} makes, without its weights. */
export function describeFreshStudent(shape: FreshShape): Omit<ModelWithWeights, "weights"> {
  const config = {
    architectures: [classNames[shape.modelType]],
    model_type: shape.modelType,
    num_hidden_layers: shape.layers,
    hidden_size: shape.hiddenSize,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.keyValueHeads ?? shape.heads,
    head_dim: shape.headDim ?? shape.hiddenSize / shape.heads,
    intermediate_size: shape.feedForwardSize,
    hidden_act: "silu",
    vocab_size: shape.vocabSize,
    max_position_embeddings: shape.maxPositions,
    rms_norm_eps: shape.normEpsilon,
    rope_theta: shape.ropeTheta,
    initializer_range: initializerRange,
    tie_word_embeddings: shape.tieEmbeddings,
    ...(shape.endTokenId === undefined ? {} : { eos_token_id: shape.endTokenId }),
  };
  const architecture = architectureOf(config);
  return { architecture, shape: architecture.parse(config), config };
}

/**
 * A model of the given shape whose matrices are drawn from N(0, 0.02²); those that write into the residual stream are divided
 * by √(2 · layers), norms are 1 and biases 0. The same shape and seed give the same weights.
 *
 * @see Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", §2.3, for the division.
 */
export function makeFreshStudent(shape: FreshShape, seed: number): ModelWithWeights {
  return drawWeights(describeFreshStudent(shape), seed);
}

/** The weights of {@link makeFreshStudent} for any model. */
export function drawWeights(model: Omit<ModelWithWeights, "weights">, seed: number): ModelWithWeights {
  const weights = new Map<string, HostTensor>();
  // Every weight draws from a stream of its own, so that a change of one shape leaves the others as they are.
  for (const [index, spec] of model.architecture.parameters(model.shape).entries()) {
    weights.set(spec.name, float32Tensor(spec.shape, initialize(spec, model.shape.layers, createRandom(seed, index))));
  }
  return { ...model, weights };
}

function initialize({ shape, role }: ParameterSpec, layers: number, random: Random): Float32Array {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  if (role === "norm") return values.fill(1);
  if (role === "bias") return values;
  const deviation = role === "residual-matrix" ? initializerRange / Math.sqrt(2 * layers) : initializerRange;
  for (let i = 0; i < values.length; i++) values[i] = deviation * normal(random);
  return values;
}

/** One draw from the standard normal distribution (Box & Muller 1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.nextFloat())) * Math.cos(2 * Math.PI * random.nextFloat());
}
