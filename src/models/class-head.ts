/** @file Classifiers: what their config.json says of their classes, as transformers writes it. */

import { ModelError, show } from "../errors.js";
import type { ClassHead } from "./architecture.js";
import { type ConfigObject, readCount } from "./config-reader.js";

const suffix = "ForSequenceClassification";

/** True where config.json says that the model is a classifier. */
export function isClassifier({ architectures }: ConfigObject): boolean {
  return Array.isArray(architectures) && String(architectures[0]).endsWith(suffix);
}

/** The class head of a classifier; undefined where config.json is not a classifier's. */
export function readClassHead(config: ConfigObject, position: ClassHead["position"]): ClassHead | undefined {
  const classes = readClasses(config);
  if (!classes) return undefined;
  const sequenceLength = config.sequence_length == null ? undefined : readCount(config, "sequence_length");
  return { classes, position, sequenceLength };
}

/**
 * The classes of a classifier by number: the names in `id2label`, or LABEL_0, LABEL_1 … where there are none. undefined where
 * config.json is not a classifier's.
 *
 * @throws ModelError for a classifier of fewer than two classes, or of labels that are no classes (regression, several at once).
 */
export function readClasses(config: ConfigObject): readonly string[] | undefined {
  if (!isClassifier(config)) return undefined;
  const { problem_type: kind, num_labels: count } = config;
  if (kind != null && kind !== "single_label_classification") {
    throw new ModelError(`config.json: "problem_type" must be "single_label_classification", got ${show(kind)}.`, {
      hint: "Use a model whose labels exclude each other.",
    });
  }
  const names = config.id2label ?? {};
  const listed = Object.entries(names as object).sort(([a], [b]) => Number(a) - Number(b));
  const length = listed.length > 0 ? listed.length : typeof count === "number" ? count : 2;
  const classes = Array.from({ length }, (_, i) => String(listed[i]?.[1] ?? `LABEL_${i}`));
  if (classes.length < 2 || new Set(classes).size < classes.length) {
    throw new ModelError(`config.json: "id2label" must name at least two different classes, got ${show(classes)}.`);
  }
  return classes;
}

/** What transformers calls the classes of models by `model_type`. */
const classPrefixes: Readonly<Record<string, string>> = {
  bert: "Bert",
  distilbert: "DistilBert",
  llama: "Llama",
  mistral: "Mistral",
  qwen2: "Qwen2",
  qwen3: "Qwen3",
  "bag-of-n-grams": "BagOfNGrams",
};

/**
 * config.json of the same model as a classifier of these classes.
 *
 * @param sequenceLength - most ids of a text that it is trained to read.
 * @throws ModelError for a model of a type that has no class head here.
 */
export function classifierConfig(
  config: ConfigObject,
  classes: readonly string[],
  sequenceLength: number,
): ConfigObject {
  const prefix = classPrefixes[String(config.model_type)];
  if (prefix === undefined) {
    throw new ModelError(
      `config.json: only models of type ${Object.keys(classPrefixes).join(", ")} can be given a class head, got ${show(config.model_type)}.`,
    );
  }
  const { num_labels: _, tie_word_embeddings: __, ...rest } = config;
  return {
    ...rest,
    architectures: [`${prefix}${suffix}`],
    sequence_length: sequenceLength,
    id2label: Object.fromEntries(classes.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(classes.map((name, i) => [name, i])),
    problem_type: "single_label_classification",
  };
}
