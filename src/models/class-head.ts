/** @file Classifiers: what their config.json says of their classes, as transformers writes it. */

import { ModelError, show } from "../errors.js";
import type { ConfigObject } from "./config-reader.js";

const suffix = "ForSequenceClassification";

/** True where config.json says that the model is a classifier. */
export function isClassifier({ architectures }: ConfigObject): boolean {
  return Array.isArray(architectures) && String(architectures[0]).endsWith(suffix);
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

/** The keys of config.json that make a model of this type a classifier of these classes. */
export function classifierConfig(classPrefix: string, classes: readonly string[]): ConfigObject {
  return {
    architectures: [`${classPrefix}${suffix}`],
    id2label: Object.fromEntries(classes.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(classes.map((name, i) => [name, i])),
    problem_type: "single_label_classification",
  };
}
