/** @file A bag of n-grams: the mean of the embeddings of a text's n-grams, and a class head. Small and quick: no layers at all. */

import { ModelError } from "../errors.js";
import { multiplyDims } from "../graph/dims.js";
import type { Graph, Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import type { Architecture, ModelOutputs, ModelShape, ParameterSpec, TokenInputs } from "./architecture.js";
import { readClassHead } from "./class-head.js";
import { type ConfigObject, readCount } from "./config-reader.js";
import { embed } from "./layers/linear.js";

/** What this architecture is called in config.json. */
export const bagOfNGramsType = "bag-of-n-grams";

const modelTypes = [bagOfNGramsType] as const;

export interface BagOfNGramsShape extends ModelShape {
  readonly modelType: typeof bagOfNGramsType;
  /** Rows of the embedding table; an n-gram's row is told by its hash, and row 0 stands in every text. */
  readonly buckets: number;
  /** Longest run of words that is an n-gram. */
  readonly wordNGrams: number;
  /** Shortest and longest run of characters within a word; undefined where words alone are looked at. */
  readonly characterNGrams: readonly [number, number] | undefined;
}

/**
 * logits = W · (Σ E[n-gram] / n) + b.
 *
 * @see Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification" (arXiv:1607.01759), §2; hashing as there (§2.2),
 *   n-grams of characters as in Bojanowski et al. 2016 (arXiv:1607.04606), §3.2. The softmax is plain, not hierarchical.
 */
export const bagOfNGrams: Architecture<BagOfNGramsShape> = { modelTypes, parse, parameters, build };

function parse(config: ConfigObject): BagOfNGramsShape {
  const classHead = readClassHead(config, "first");
  if (!classHead) {
    throw new ModelError(
      `config.json: a model of type "${bagOfNGramsType}" must be a classifier, with "architectures" that end in ForSequenceClassification.`,
    );
  }
  const range = config.character_n_grams ?? undefined;
  const isRange = Array.isArray(range) && range.length === 2 && range.every((n) => Number.isInteger(n) && n > 0);
  if (range !== undefined && !isRange) {
    throw new ModelError(`config.json: "character_n_grams" must be two whole numbers or null.`);
  }
  return {
    modelType: bagOfNGramsType,
    layers: 0,
    hiddenSize: readCount(config, "hidden_size"),
    headWidth: classHead.classes.length,
    tiedHead: false,
    maxPositions: readCount(config, "max_position_embeddings", 2 ** 31 - 1),
    classHead,
    buckets: readCount(config, "buckets"),
    wordNGrams: readCount(config, "word_n_grams", 1),
    characterNGrams: range as readonly [number, number] | undefined,
  };
}

function parameters({ buckets, hiddenSize, headWidth }: BagOfNGramsShape): readonly ParameterSpec[] {
  return [
    { name: "embeddings.weight", shape: [buckets, hiddenSize], role: "embedding" },
    { name: "classifier.weight", shape: [headWidth, hiddenSize], role: "head" },
    { name: "classifier.bias", shape: [headWidth], role: "bias" },
  ];
}

/** The mean of a document stands at its first position, which every position knows: it is as far back as its number in the document. */
function build(
  graph: Graph,
  { hiddenSize }: BagOfNGramsShape,
  tokens: TokenInputs,
  weights: (name: string) => Value,
): ModelOutputs {
  const rows = multiplyDims(...tokens.ids.shape);
  const hidden = graph.within("mean", () => {
    const embedded = embed(weights("embeddings.weight"), g.reshape(tokens.ids, [rows])); // [sequences * tokens, hidden]
    const positions = g.reshape(tokens.positions, [rows]);
    const ones = g.expand(graph.number("int32", 1), [rows]);
    const first = g.sub(g.sub(g.cumSum(ones, 0), 1), positions);
    const one = g.expand(graph.number(embedded.dtype, 1), [rows, 1]);
    const sums = g.scatterRowsAdd(g.zeros(embedded, [rows, hiddenSize]), first, embedded);
    const counts = g.scatterRowsAdd(g.zeros(embedded, [rows, 1]), first, one);
    return g.div(sums, g.max(counts, 1));
  });
  return { hidden, headWeight: weights("classifier.weight"), headBias: weights("classifier.bias") };
}
