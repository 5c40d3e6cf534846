/** @file The config.json that transformers would have, from a GGUF file's metadata and tensors. */

import { ModelError, show, UnsupportedError } from "../../errors.js";
import type { Metadata } from "./metadata.js";
import { readRopeScaling } from "./rope-scaling.js";

/** What the tensors tell. */
export interface TensorFacts {
  readonly has: (name: string) => boolean;
  readonly shapeOf: (name: string) => readonly number[];
  /** Of {@link ropeFactorsName}, where there is one. */
  readonly ropeFactors: Float32Array | undefined;
}

const classNames = { llama: "LlamaForCausalLM", qwen2: "Qwen2ForCausalLM", qwen3: "Qwen3ForCausalLM" } as const;

/** The architectures of GGUF that are read. Mistral's models are written as `llama`. */
export type GgufArchitecture = keyof typeof classNames;

/** Keys that make a model of these architectures compute something else than limbeck does. */
const changesOfComputation = [
  "attention.clamp_kqv",
  "attention.max_alibi_bias",
  "attention.scale",
  "attn_logit_softcapping",
  "embedding_scale",
  "final_logit_softcapping",
  "logit_scale",
  "residual_scale",
];

/** @throws ModelError without `general.architecture`; UnsupportedError for one that is not read, an adapter, or a part of a model. */
export function readArchitecture(metadata: Metadata): GgufArchitecture {
  const { path } = metadata;
  const name = metadata.requireText("general.architecture");
  const type = metadata.text("general.type") ?? "model";
  if (type !== "model") throw new UnsupportedError(`"${path}": must hold a model, got general.type ${show(type)}.`);
  const parts = metadata.count("split.count") ?? 1;
  if (parts > 1) {
    throw new UnsupportedError(`"${path}": must hold a whole model, got one of ${parts} parts.`, {
      hint: "Join the parts with llama.cpp's `llama-gguf-split --merge`.",
    });
  }
  if (Object.hasOwn(classNames, name)) return name as GgufArchitecture;
  throw new UnsupportedError(
    `"${path}": general.architecture must be one of ${Object.keys(classNames).join(", ")}, got ${show(name)}.`,
    { hint: "Use a model of the Llama family." },
  );
}

/**
 * Rebuilds config.json, as transformers names its keys.
 *
 * @throws ModelError for keys that are missing or contradict each other; UnsupportedError for what limbeck cannot compute.
 */
export function readConfig(metadata: Metadata, tensors: TensorFacts): Record<string, unknown> {
  const architecture = readArchitecture(metadata);
  const key = (name: string) => `${architecture}.${name}`;
  expectPlainModel(metadata, key);
  const hiddenSize = metadata.requireCount(key("embedding_length"));
  const heads = metadata.requireCount(key("attention.head_count"));
  const headDim = readHeadDim(metadata, key, hiddenSize / heads);
  const theta = metadata.number(key("rope.freq_base")) ?? 10_000;
  const ropeScaling = readRopeScaling(metadata, key, { theta, headDim, factors: tensors.ropeFactors });
  const slidingWindow = readSlidingWindow(metadata, key, architecture);
  return {
    architectures: [slidingWindow === undefined ? classNames[architecture] : "MistralForCausalLM"],
    model_type: slidingWindow === undefined ? architecture : "mistral",
    ...(architecture === "llama" && {
      attention_bias: tensors.has("blk.0.attn_q.bias"),
      mlp_bias: tensors.has("blk.0.ffn_gate.bias"),
    }),
    ...(architecture === "qwen3" && { attention_bias: tensors.has("blk.0.attn_q.bias") }),
    ...tokenIds(metadata),
    head_dim: headDim,
    hidden_act: "silu",
    hidden_size: hiddenSize,
    intermediate_size: metadata.requireCount(key("feed_forward_length")),
    max_position_embeddings: metadata.requireCount(key("context_length")),
    num_attention_heads: heads,
    num_hidden_layers: readLayers(metadata, key, tensors),
    num_key_value_heads: metadata.count(key("attention.head_count_kv")) ?? heads,
    rms_norm_eps: metadata.number(key("attention.layer_norm_rms_epsilon")) ?? 1e-5,
    rope_scaling: ropeScaling ?? null,
    rope_theta: theta,
    ...(slidingWindow !== undefined && { sliding_window: slidingWindow }),
    tie_word_embeddings: !tensors.has("output.weight"),
    torch_dtype: "float32",
    vocab_size: tensors.shapeOf("token_embd.weight")[0],
  };
}

function expectPlainModel(metadata: Metadata, key: (name: string) => string): void {
  const where = `"${metadata.path}": metadata`;
  if ((metadata.count(key("expert_count")) ?? 0) > 0) {
    throw new UnsupportedError(`${where} "${key("expert_count")}" must be 0, got a mixture of experts.`, {
      hint: "Use a model without experts.",
    });
  }
  if (metadata.flag(key("attention.causal")) === false) {
    throw new UnsupportedError(`${where} "${key("attention.causal")}" must be true, got false.`, {
      hint: "Use a language model; this is an encoder.",
    });
  }
  const change = changesOfComputation.find((name) => metadata.has(key(name)));
  if (change !== undefined) {
    throw new UnsupportedError(`${where} must be that of a plain Llama or Qwen, got "${key(change)}".`, {
      hint: "Use a model without this setting.",
    });
  }
}

function readHeadDim(metadata: Metadata, key: (name: string) => string, fallback: number): number {
  const sizes = ["attention.key_length", "attention.value_length", "rope.dimension_count"].map((name) =>
    metadata.count(key(name)),
  );
  const headDim = sizes.find((size) => size !== undefined) ?? fallback;
  if (sizes.every((size) => size === undefined || size === headDim)) return headDim;
  throw new UnsupportedError(
    `"${metadata.path}": keys, values and rotation must have one size per head, got ${show(sizes)} (null where not given).`,
  );
}

/** Refuses a count beyond the tensors before anyone makes lists of that length. */
function readLayers(metadata: Metadata, key: (name: string) => string, { has }: TensorFacts): number {
  const layers = metadata.requireCount(key("block_count"));
  if (layers >= 1 && has(`blk.${layers - 1}.attn_norm.weight`)) return layers;
  throw new ModelError(
    `"${metadata.path}": must hold the tensors of its ${layers} layers, got none of "blk.${layers - 1}".`,
  );
}

/** Llama files may hold a Mistral model; Qwen's converters write no window. */
function readSlidingWindow(
  metadata: Metadata,
  key: (name: string) => string,
  architecture: GgufArchitecture,
): number | undefined {
  const name = key("attention.sliding_window");
  const size = metadata.count(name) || undefined;
  if (size === undefined || architecture === "llama") return size;
  throw new UnsupportedError(`"${metadata.path}": metadata "${name}" must be 0 for ${architecture}, got ${size}.`);
}

function tokenIds(metadata: Metadata): Record<string, number> {
  const ids = (["bos", "eos", "padding"] as const).map((name) => {
    const id = metadata.count(`tokenizer.ggml.${name}_token_id`);
    return id === undefined ? [] : [[`${name === "padding" ? "pad" : name}_token_id`, id] as const];
  });
  return Object.fromEntries(ids.flat());
}

/** @throws ModelError if one of the tensors that {@link readConfig} looks at is missing. */
export function expectEmbeddings(path: string, tensors: Pick<TensorFacts, "has" | "shapeOf">): void {
  const name = "token_embd.weight";
  if (!tensors.has(name)) throw new ModelError(`"${path}": must hold tensor "${name}", got a file without it.`);
  if (tensors.shapeOf(name).length !== 2) {
    throw new ModelError(`"${path}": tensor "${name}" must have 2 sizes, got ${show(tensors.shapeOf(name))}.`);
  }
}
