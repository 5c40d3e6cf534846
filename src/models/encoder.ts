/** @file BERT and DistilBERT with a class head: all positions of a document see each other, and its first one tells the class. */

import { recomputed } from "../autodiff/recompute.js";
import { ModelError } from "../errors.js";
import { multiplyDims } from "../graph/dims.js";
import type { Graph, Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import type {
  Architecture,
  BuildOptions,
  ModelOutputs,
  ModelShape,
  ParameterSpec,
  TokenInputs,
} from "./architecture.js";
import { readClassHead } from "./class-head.js";
import { type ConfigObject, readCount, readName, readPositive } from "./config-reader.js";
import { attention, documentBias, splitHeads } from "./layers/attention.js";
import { layerNorm } from "./layers/layer-norm.js";
import { embed, linear } from "./layers/linear.js";

const modelTypes = ["bert", "distilbert"] as const;

export interface EncoderShape extends ModelShape {
  readonly modelType: (typeof modelTypes)[number];
  readonly vocabSize: number;
  readonly heads: number;
  readonly feedForwardSize: number;
  readonly normEpsilon: number;
  /** Rows of BERT's table of segments, of which the first one is used. */
  readonly segments: number;
}

/**
 * @see Devlin et al. 2018, BERT (arXiv:1810.04805), §3 and §3.2 for the class head; Sanh et al. 2019, DistilBERT (arXiv:1910.01108):
 *   the same layers, half as many, without segments and pooler.
 */
export const encoder: Architecture<EncoderShape> = { modelTypes, parse, parameters, build };

function parse(config: ConfigObject): EncoderShape {
  const modelType = readName(config, "model_type", modelTypes, "bert");
  const isBert = modelType === "bert";
  const classHead = readClassHead(config, "first");
  if (!classHead) {
    throw new ModelError(
      `config.json: a model of type "${modelType}" must be a classifier, with "architectures" that end in ForSequenceClassification.`,
      { hint: 'Start a student from it in the recipe "classification", which gives it a class head.' },
    );
  }
  const key = (bert: string, distilbert: string) => (isBert ? bert : distilbert);
  readName(config, key("hidden_act", "activation"), ["gelu"], "gelu");
  readName(config, "position_embedding_type", ["absolute"], "absolute");
  const hiddenSize = readCount(config, key("hidden_size", "dim"));
  const heads = readCount(config, key("num_attention_heads", "n_heads"));
  if (hiddenSize % heads !== 0) {
    throw new ModelError(`config.json: the width must be a multiple of the heads, got ${hiddenSize} and ${heads}.`);
  }
  return {
    modelType,
    layers: readCount(config, key("num_hidden_layers", "n_layers")),
    hiddenSize,
    heads,
    vocabSize: readCount(config, "vocab_size"),
    headWidth: classHead.classes.length,
    tiedHead: false,
    maxPositions: readCount(config, "max_position_embeddings", 512),
    feedForwardSize: readCount(config, key("intermediate_size", "hidden_dim")),
    normEpsilon: readPositive(config, "layer_norm_eps", 1e-12),
    segments: isBert ? readCount(config, "type_vocab_size", 2) : 0,
    classHead,
  };
}

/** What the two call the same weights, in the order of a layer. */
const names = {
  bert: {
    layer: (i: number) => `bert.encoder.layer.${i}.`,
    embeddings: "bert.embeddings.",
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    attended: "attention.output.dense",
    attendedNorm: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    outputNorm: "output.LayerNorm",
    pooler: "bert.pooler.dense",
  },
  distilbert: {
    layer: (i: number) => `distilbert.transformer.layer.${i}.`,
    embeddings: "distilbert.embeddings.",
    query: "attention.q_lin",
    key: "attention.k_lin",
    value: "attention.v_lin",
    attended: "attention.out_lin",
    attendedNorm: "sa_layer_norm",
    up: "ffn.lin1",
    down: "ffn.lin2",
    outputNorm: "output_layer_norm",
    pooler: "pre_classifier",
  },
} as const;

function parameters(shape: EncoderShape): readonly ParameterSpec[] {
  const { hiddenSize, feedForwardSize } = shape;
  const name = names[shape.modelType];
  const table = (table: string, rows: number): ParameterSpec => {
    return { name: `${name.embeddings}${table}_embeddings.weight`, shape: [rows, hiddenSize], role: "embedding" };
  };
  const dense = (
    name: string,
    out: number,
    into: number,
    role: ParameterSpec["role"] = "matrix",
  ): readonly ParameterSpec[] => [
    { name: `${name}.weight`, shape: [out, into], role },
    { name: `${name}.bias`, shape: [out], role: "bias" },
  ];
  const norm = (name: string): readonly ParameterSpec[] => [
    { name: `${name}.weight`, shape: [hiddenSize], role: "norm" },
    { name: `${name}.bias`, shape: [hiddenSize], role: "bias" },
  ];
  const layers = Array.from({ length: shape.layers }, (_, i) => name.layer(i));
  return [
    table("word", shape.vocabSize),
    table("position", shape.maxPositions),
    ...(shape.segments > 0 ? [table("token_type", shape.segments)] : []),
    ...norm(`${name.embeddings}LayerNorm`),
    ...layers.flatMap((layer) => [
      ...[name.query, name.key, name.value, name.attended].flatMap((each) =>
        dense(layer + each, hiddenSize, hiddenSize),
      ),
      ...norm(layer + name.attendedNorm),
      ...dense(layer + name.up, feedForwardSize, hiddenSize),
      ...dense(layer + name.down, hiddenSize, feedForwardSize),
      ...norm(layer + name.outputNorm),
    ]),
    ...dense(name.pooler, hiddenSize, hiddenSize),
    ...dense("classifier", shape.headWidth, hiddenSize, "head"),
  ];
}

function build(
  graph: Graph,
  shape: EncoderShape,
  tokens: TokenInputs,
  weights: (name: string) => Value,
  { recompute }: BuildOptions,
): ModelOutputs {
  const name = names[shape.modelType];
  const dense = (x: Value, name: string) => linear(x, weights(`${name}.weight`), weights(`${name}.bias`));
  const norm = (x: Value, name: string) =>
    layerNorm(x, weights(`${name}.weight`), weights(`${name}.bias`), shape.normEpsilon);
  let hidden = graph.within("embeddings", () => {
    const table = (name_: string) => weights(`${name.embeddings}${name_}_embeddings.weight`);
    const rows = multiplyDims(...tokens.ids.shape);
    const words = embed(table("word"), g.reshape(tokens.ids, [rows])); // [sequences * tokens, hidden]
    const places = embed(table("position"), g.reshape(tokens.positions, [rows]));
    const sum = g.add(words, places);
    if (shape.segments === 0) return norm(sum, `${name.embeddings}LayerNorm`);
    const first = g.slice(table("token_type"), { axis: 0, start: 0, end: 1 });
    return norm(g.add(sum, first), `${name.embeddings}LayerNorm`);
  });
  const bias = graph.within("documents", () => documentBias(tokens, hidden));
  const heads = { heads: shape.heads, keyValueHeads: shape.heads, headDim: shape.hiddenSize / shape.heads };
  for (let i = 0; i < shape.layers; i++) {
    const layer = name.layer(i);
    const block = (x: Value): Value =>
      graph.within(`layers.${i}`, () => {
        const split = (part: "query" | "key" | "value") =>
          splitHeads(dense(x, layer + name[part]), tokens, heads.heads, heads.headDim);
        const mixed = attention(split("query"), [{ keys: split("key"), values: split("value") }], bias, heads);
        const attended = norm(g.add(x, dense(mixed, layer + name.attended)), layer + name.attendedNorm);
        const up = g.gelu(dense(attended, layer + name.up)); // [sequences * tokens, feedForward]
        return norm(g.add(attended, dense(up, layer + name.down)), layer + name.outputNorm);
      });
    hidden = recompute ? recomputed(hidden, block) : block(hidden);
  }
  const pooled = graph.within("pooler", () => dense(hidden, name.pooler));
  return {
    hidden: shape.modelType === "bert" ? g.tanh(pooled) : g.relu(pooled),
    headWeight: weights("classifier.weight"),
    headBias: weights("classifier.bias"),
  };
}
