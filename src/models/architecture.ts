/** @file What an architecture provides: reading config.json, naming its weights, and building its graph. */

import type { Graph, Value } from "../graph/graph.js";

/** How the optimizer and a fresh start treat a weight. */
export type ParameterRole = "embedding" | "head" | "matrix" | "residual-matrix" | "norm" | "bias" | "prompt";

/** One weight: its name in Hugging Face files, its shape there and its role. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
}

/** What every architecture's shape tells the rest of limbeck. */
export interface ModelShape {
  readonly modelType: string;
  readonly layers: number;
  readonly hiddenSize: number;
  /** Width of the output head: at least the tokenizer's size, often padded. */
  readonly headWidth: number;
  /** True where the output head is the embedding table. */
  readonly tiedHead: boolean;
  /** Longest sequence that the model was made for. */
  readonly maxPositions: number;
  /** How many learned vectors stand before every text; none unless given. See models/soft-prompt.ts. */
  readonly virtualTokens?: number;
  /** Where the model puts texts into classes instead of predicting tokens: see class-head.ts. */
  readonly classHead?: ClassHead | undefined;
}

/** The output head of a classifier: as wide as there are classes, read at one position of a document. */
export interface ClassHead {
  /** The names of the classes, by number. */
  readonly classes: readonly string[];
  /** The position that tells the class: the first one, where all are seen from it, or the last. */
  readonly position: "first" | "last";
  /** Most ids of a text that it was trained to read; longer ones are cut. Undefined where config.json does not say. */
  readonly sequenceLength: number | undefined;
}

/** One side's tokens in a graph, each `[sequences, tokens]`, int32. See data/batch.ts. */
export interface TokenInputs {
  readonly ids: Value;
  readonly positions: Value;
  readonly documents: Value;
}

/** What attention remembers of some positions in one layer, each `[sequences, keyValueHeads, positions, headDim]`. */
export interface KeyValues {
  readonly keys: Value;
  readonly values: Value;
}

/**
 * What tokens see besides each other: positions that were computed before. Slots are in no order; a slot whose document is not
 * the token's is not seen, so empty ones hold a document that no token has.
 */
export interface Past {
  /** `[sequences, past]`, int32, of every slot; or `[1, past]`, where all sequences share the slots. */
  readonly positions: Value;
  /** Likewise; undefined where every document sees the slots. */
  readonly documents: Value | undefined;
  /** Per layer. */
  readonly layers: readonly KeyValues[];
}

/** How much attention remembers of each position. */
export interface CacheShape {
  readonly layers: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
}

/** How the layers of a model repeat, and how outliers can be moved from their activations into their weights. */
export interface LayerStructure {
  /** What the names of a layer's weights begin with. */
  prefix(layer: number): string;
  /**
   * Names without the prefix. What the weights `from` put out (their first axis) reaches the inputs of the matrices `into` channel
   * by channel: the one may be divided by what the other is multiplied with, and the layer computes the same.
   */
  readonly smoothing: readonly { readonly from: readonly string[]; readonly into: readonly string[] }[];
}

/** What its layers look like from outside, for losses that compare layers. */
export interface LayerShape {
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** Per layer: how many positions back attention sees; undefined for all. */
  readonly windows: readonly (number | undefined)[];
}

export interface ModelOutputs {
  /** After the final norm, `[sequences * tokens, hiddenSize]`. */
  readonly hidden: Value;
  /** Before the final norm; needed where there is a {@link Architecture.layerStructure}. */
  readonly residual?: Value;
  /** `[headWidth, hiddenSize]`; the embedding table where tied. */
  readonly headWeight: Value;
  /** `[headWidth]`, where the head has one. */
  readonly headBias?: Value | undefined;
  /** Per layer, of the tokens themselves; absent where the architecture has no {@link Architecture.cacheShape}. */
  readonly keyValues?: readonly KeyValues[];
  /**
   * What flows between the layers, each `[sequences * tokens, hiddenSize]`: the token embeddings, then what each layer makes of
   * them, before the final norm. Given where there is a {@link Architecture.layerShape}.
   */
  readonly residuals?: readonly Value[];
  /** Per layer, as attention compares them with the keys, `[sequences, heads, tokens, headDim]`; absent where layers are recomputed. */
  readonly queries?: readonly Value[];
}

export interface BuildOptions {
  /** Positions run from 0 to positionCount − 1. */
  readonly positionCount: number;
  /** What the tokens see besides each other, when text is generated, block by block; given only where there is a `cacheShape`. */
  readonly past?: readonly Past[] | undefined;
  /** Layers keep their input only for the backward pass, and are computed again in it: see autodiff/recompute.ts. */
  readonly recompute?: boolean | undefined;
}

export interface Architecture<Shape extends ModelShape = ModelShape> {
  /** The `model_type`s of config.json that this architecture reads. */
  readonly modelTypes: readonly string[];
  /** Reads config.json; throws ModelError where a key is missing or not supported. */
  parse(config: Readonly<Record<string, unknown>>): Shape;
  /** Every weight in the order of the model. */
  parameters(shape: Shape): readonly ParameterSpec[];
  /**
   * Builds the body of the model.
   *
   * @param weights - the value of each weight, by its name in {@link parameters}.
   */
  build(
    graph: Graph,
    shape: Shape,
    tokens: TokenInputs,
    weights: (name: string) => Value,
    options: BuildOptions,
  ): ModelOutputs;
  /** What `past` must hold; an architecture without it can be trained and scored, but generates no text. */
  cacheShape?(shape: Shape): CacheShape;
  /**
   * How its layers repeat: a shape with `layers: 1` must build one of them. Without it weights of 8 bits are rounded as they are,
   * which models with outliers take badly.
   */
  layerStructure?(shape: Shape): LayerStructure;
  /** What its layers look like; an architecture without it cannot be compared layer by layer. */
  layerShape?(shape: Shape): LayerShape;
}

/** The number of weights of a model. */
export function countParameters(parameters: readonly ParameterSpec[]): number {
  return parameters.reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0);
}
