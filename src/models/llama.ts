/** @file The Llama family: llama, mistral (sliding window), qwen2 (attention biases), qwen3 (query/key norm). */

import { recomputed } from "../autodiff/recompute.js";
import { ModelError } from "../errors.js";
import { multiplyDims } from "../graph/dims.js";
import type { Graph, Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import type {
  Architecture,
  BuildOptions,
  CacheShape,
  KeyValues,
  LayerShape,
  LayerStructure,
  ModelOutputs,
  ModelShape,
  ParameterSpec,
  Past,
  TokenInputs,
} from "./architecture.js";
import { readClassHead } from "./class-head.js";
import { type ConfigObject, readCount, readFlag, readName, readPositive } from "./config-reader.js";
import { attention, attentionBias, type Heads, splitHeads } from "./layers/attention.js";
import { embed, linear } from "./layers/linear.js";
import { type Rope, readRope, ropeTables } from "./layers/rope.js";

const modelTypes = ["llama", "mistral", "qwen2", "qwen3"] as const;

export interface LlamaShape extends ModelShape, Heads {
  readonly modelType: (typeof modelTypes)[number];
  readonly vocabSize: number;
  readonly feedForwardSize: number;
  readonly normEpsilon: number;
  readonly rope: Rope;
  readonly hasQueryKeyValueBias: boolean;
  readonly hasOutputBias: boolean;
  readonly hasMlpBias: boolean;
  readonly hasQueryKeyNorm: boolean;
  /** Per layer: how many positions back attention sees; undefined for all. */
  readonly windows: readonly (number | undefined)[];
}

/**
 * @see Touvron et al. 2023 (arXiv:2302.13971); Jiang et al. 2023, Mistral 7B (arXiv:2310.06825); Yang et al., Qwen2
 *   (arXiv:2407.10671) and Qwen3 (arXiv:2505.09388) technical reports.
 */
export const llama: Architecture<LlamaShape> = {
  modelTypes,
  parse,
  parameters,
  build,
  cacheShape,
  layerStructure,
  layerShape,
};

function parse(config: ConfigObject): LlamaShape {
  const modelType = readName(config, "model_type", modelTypes, "llama");
  const layers = readCount(config, "num_hidden_layers");
  const hiddenSize = readCount(config, "hidden_size");
  const heads = readCount(config, "num_attention_heads");
  const keyValueHeads = readCount(config, "num_key_value_heads", heads);
  const headDim = readCount(config, "head_dim", modelType === "qwen3" ? 128 : hiddenSize / heads);
  if (heads % keyValueHeads !== 0) {
    throw new ModelError(
      `config.json: "num_attention_heads" must be a multiple of "num_key_value_heads", got ${heads} and ${keyValueHeads}.`,
    );
  }
  if (headDim % 2 !== 0) throw new ModelError(`config.json: "head_dim" must be even, got ${headDim}.`);
  readName(config, "hidden_act", ["silu", "swish"], "silu");
  const attentionHasBias = readFlag(config, "attention_bias", false);
  const vocabSize = readCount(config, "vocab_size");
  const classHead = readClassHead(config, "last");
  return {
    modelType,
    layers,
    hiddenSize,
    heads,
    keyValueHeads,
    headDim,
    vocabSize,
    headWidth: classHead?.classes.length ?? vocabSize,
    tiedHead: !classHead && readFlag(config, "tie_word_embeddings", false),
    classHead,
    maxPositions: readCount(config, "max_position_embeddings", 2048),
    feedForwardSize: readCount(config, "intermediate_size"),
    normEpsilon: readPositive(config, "rms_norm_eps", 1e-6),
    rope: readRope(config),
    hasQueryKeyValueBias: modelType === "qwen2" || attentionHasBias,
    hasOutputBias: modelType !== "qwen2" && attentionHasBias,
    hasMlpBias: modelType === "llama" && readFlag(config, "mlp_bias", false),
    hasQueryKeyNorm: modelType === "qwen3",
    windows: readWindows(config, modelType, layers),
  };
}

/** Mistral slides in every layer; Qwen only where asked, in the layers that it names or from a layer on. */
function readWindows(config: ConfigObject, modelType: string, layers: number): readonly (number | undefined)[] {
  const size = config.sliding_window == null ? undefined : readCount(config, "sliding_window");
  const isUsed = modelType === "mistral" || (modelType !== "llama" && readFlag(config, "use_sliding_window", false));
  const types = Array.isArray(config.layer_types) ? config.layer_types : undefined;
  const firstLayer = modelType === "mistral" ? 0 : Number(config.max_window_layers ?? 28);
  return Array.from({ length: layers }, (_, layer) => {
    const slides = types ? types[layer] === "sliding_attention" : layer >= firstLayer;
    return isUsed && slides ? size : undefined;
  });
}

function parameters(shape: LlamaShape): readonly ParameterSpec[] {
  const { hiddenSize, heads, keyValueHeads, headDim, feedForwardSize, vocabSize, headWidth } = shape;
  const specs: ParameterSpec[] = [
    { name: "model.embed_tokens.weight", shape: [vocabSize, hiddenSize], role: "embedding" },
  ];
  const matrix = (
    name: string,
    out: number,
    into: number,
    hasBias: boolean,
    role: ParameterSpec["role"] = "matrix",
  ) => {
    specs.push({ name: `${name}.weight`, shape: [out, into], role });
    if (hasBias) specs.push({ name: `${name}.bias`, shape: [out], role: "bias" });
  };
  const norm = (name: string, width: number) => specs.push({ name: `${name}.weight`, shape: [width], role: "norm" });
  for (let layer = 0; layer < shape.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    norm(`${prefix}.input_layernorm`, hiddenSize);
    matrix(`${prefix}.self_attn.q_proj`, heads * headDim, hiddenSize, shape.hasQueryKeyValueBias);
    matrix(`${prefix}.self_attn.k_proj`, keyValueHeads * headDim, hiddenSize, shape.hasQueryKeyValueBias);
    matrix(`${prefix}.self_attn.v_proj`, keyValueHeads * headDim, hiddenSize, shape.hasQueryKeyValueBias);
    if (shape.hasQueryKeyNorm) {
      norm(`${prefix}.self_attn.q_norm`, headDim);
      norm(`${prefix}.self_attn.k_norm`, headDim);
    }
    matrix(`${prefix}.self_attn.o_proj`, hiddenSize, heads * headDim, shape.hasOutputBias, "residual-matrix");
    norm(`${prefix}.post_attention_layernorm`, hiddenSize);
    matrix(`${prefix}.mlp.gate_proj`, feedForwardSize, hiddenSize, shape.hasMlpBias);
    matrix(`${prefix}.mlp.up_proj`, feedForwardSize, hiddenSize, shape.hasMlpBias);
    matrix(`${prefix}.mlp.down_proj`, hiddenSize, feedForwardSize, shape.hasMlpBias, "residual-matrix");
  }
  norm("model.norm", hiddenSize);
  if (!shape.tiedHead) specs.push({ name: headName(shape), shape: [headWidth, hiddenSize], role: "head" });
  return specs;
}

function headName({ classHead }: LlamaShape): string {
  return classHead ? "score.weight" : "lm_head.weight";
}

function cacheShape({ layers, keyValueHeads, headDim }: LlamaShape): CacheShape {
  return { layers, keyValueHeads, headDim };
}

function layerStructure({ hasMlpBias }: LlamaShape): LayerStructure {
  const attention = ["q", "k", "v"].map((name) => `self_attn.${name}_proj.weight`);
  const up = ["mlp.up_proj.weight", ...(hasMlpBias ? ["mlp.up_proj.bias"] : [])];
  return {
    prefix: (layer) => `model.layers.${layer}.`,
    smoothing: [
      { from: ["input_layernorm.weight"], into: attention },
      { from: ["post_attention_layernorm.weight"], into: ["mlp.gate_proj.weight", "mlp.up_proj.weight"] },
      { from: up, into: ["mlp.down_proj.weight"] },
    ],
  };
}

function layerShape({ heads, keyValueHeads, headDim, windows }: LlamaShape): LayerShape {
  return { heads, keyValueHeads, headDim, windows };
}

/** What all layers share. */
interface Positions {
  readonly tokens: TokenInputs;
  readonly rotate: (x: Value) => Value;
  readonly biasFor: (window: number | undefined) => Value;
}

function build(
  graph: Graph,
  shape: LlamaShape,
  tokens: TokenInputs,
  weights: (name: string) => Value,
  { positionCount, past = [], recompute }: BuildOptions,
): ModelOutputs {
  const embeddings = weights("model.embed_tokens.weight");
  const flatIds = g.reshape(tokens.ids, [multiplyDims(...tokens.ids.shape)]);
  let hidden = graph.within("embeddings", () => embed(embeddings, flatIds)); // [sequences * tokens, hidden]
  const where = graph.within("positions", () => sharedPositions(graph, shape, tokens, embeddings, positionCount, past));
  const keyValues: KeyValues[] = [];
  const queries: Value[] = [];
  const residuals = [hidden];
  for (let layer = 0; layer < shape.layers; layer++) {
    const names = (name: string) => weights(`model.layers.${layer}.${name}`);
    const memory = { past: past.map(({ layers }) => layers[layer]!), window: shape.windows[layer] };
    const run = (x: Value) => graph.within(`layers.${layer}`, () => block(x, names, shape, where, memory));
    if (recompute) {
      hidden = recomputed(hidden, (x) => run(x).hidden);
      residuals.push(hidden);
      continue;
    }
    const outputs = run(hidden);
    hidden = outputs.hidden;
    residuals.push(hidden);
    queries.push(outputs.queries);
    keyValues.push(outputs.keyValues);
  }
  return {
    hidden: graph.within("norm", () => g.rmsNorm(hidden, weights("model.norm.weight"), shape.normEpsilon)),
    residual: hidden,
    headWeight: shape.tiedHead ? embeddings : weights(headName(shape)),
    keyValues,
    residuals,
    ...(recompute ? {} : { queries }),
  };
}

function sharedPositions(
  graph: Graph,
  shape: LlamaShape,
  tokens: TokenInputs,
  like: Value,
  positionCount: number,
  past: readonly Past[],
): Positions {
  const { cosine, sine } = ropeTables(shape.rope, shape.headDim, positionCount);
  const constant = (table: Float64Array): Value =>
    graph.constant(
      like.dtype,
      [positionCount, shape.headDim / 2],
      like.dtype === "float64" ? table : Float32Array.from(table),
      "rotations",
    );
  const [cos, sin] = [constant(cosine), constant(sine)];
  const positions = g.cast(tokens.positions, "int64");
  const biases = new Map<number | undefined, Value>();
  return {
    tokens,
    rotate: (x) => g.rotaryEmbedding(x, cos, sin, positions),
    biasFor: (window) => {
      const bias = biases.get(window) ?? attentionBias(tokens, [...past, tokens], like, window);
      biases.set(window, bias);
      return bias;
    },
  };
}

function block(
  hidden: Value,
  weights: (name: string) => Value,
  shape: LlamaShape,
  where: Positions,
  { past, window }: { readonly past: readonly KeyValues[]; readonly window: number | undefined },
): { readonly hidden: Value; readonly queries: Value; readonly keyValues: KeyValues } {
  const { graph } = hidden;
  const norm = (x: Value, name: string) => g.rmsNorm(x, weights(`${name}.weight`), shape.normEpsilon);
  const project = (x: Value, name: string, hasBias: boolean) =>
    linear(x, weights(`${name}.weight`), hasBias ? weights(`${name}.bias`) : undefined);
  const { attended, queries, keyValues } = graph.within("attention", () => {
    const normed = norm(hidden, "input_layernorm");
    const split = (name: "q" | "k" | "v", heads: number) =>
      splitHeads(
        project(normed, `self_attn.${name}_proj`, shape.hasQueryKeyValueBias),
        where.tokens,
        heads,
        shape.headDim,
      );
    const normedHeads = (x: Value, name: "q" | "k") => (shape.hasQueryKeyNorm ? norm(x, `self_attn.${name}_norm`) : x);
    const queries = where.rotate(normedHeads(split("q", shape.heads), "q"));
    const keys = where.rotate(normedHeads(split("k", shape.keyValueHeads), "k"));
    const own = { keys, values: split("v", shape.keyValueHeads) };
    const mixed = attention(queries, [...past, own], where.biasFor(window), shape);
    return {
      attended: g.add(hidden, project(mixed, "self_attn.o_proj", shape.hasOutputBias)),
      queries,
      keyValues: own,
    };
  });
  const output = graph.within("mlp", () => {
    const normed = norm(attended, "post_attention_layernorm");
    const gate = g.silu(project(normed, "mlp.gate_proj", shape.hasMlpBias));
    const up = project(normed, "mlp.up_proj", shape.hasMlpBias); // [sequences * tokens, feedForward]
    return g.add(attended, project(g.mul(gate, up), "mlp.down_proj", shape.hasMlpBias));
  });
  return { hidden: output, queries, keyValues };
}
