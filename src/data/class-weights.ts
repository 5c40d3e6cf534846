/** @file How much the labels of each class count: by name, or so that all classes count alike. */

import { DataError } from "../errors.js";
import { noTarget } from "./batch.js";
import type { TransferDocument } from "./transfer-set.js";

/** A weight by class, 1 for those left out; or `balanced`. */
export type ClassWeights = "balanced" | Readonly<Record<string, number>>;

/**
 * Documents whose labels weigh as their class does.
 *
 * With n the labelled rows of all K classes and n_c those of class c, each counted by its own weight, `balanced` is n / (K n_c): all
 * classes have the same sum, and the mean weight is 1 (scikit-learn's
 * `class_weight="balanced"`, after King & Zeng 2001, "Logistic Regression in Rare Events Data").
 *
 * @throws DataError for a weight of a class that there is not.
 */
export function weighClasses(
  documents: readonly TransferDocument[],
  classes: readonly string[],
  weights: ClassWeights,
): readonly TransferDocument[] {
  const perClass = weights === "balanced" ? balance(documents, classes.length) : namedWeights(classes, weights);
  return documents.map((document) => {
    const { classified } = document;
    if (!classified || classified.target === noTarget) return document;
    return { ...document, classified: { ...classified, classWeight: perClass[classified.target]! } };
  });
}

function balance(documents: readonly TransferDocument[], classes: number): readonly number[] {
  const sums = new Array<number>(classes).fill(0);
  for (const { classified, origin } of documents) {
    if (classified && classified.target !== noTarget) sums[classified.target]! += origin.weight ?? 1;
  }
  const total = sums.reduce((sum, each) => sum + each, 0);
  return sums.map((sum) => (sum === 0 ? 1 : total / (classes * sum)));
}

function namedWeights(classes: readonly string[], weights: Readonly<Record<string, number>>): readonly number[] {
  const unknown = Object.keys(weights).find((name) => !classes.includes(name));
  if (unknown !== undefined) {
    throw new DataError(`classWeights: expected one of the classes ${classes.join(", ")}, got "${unknown}".`, {
      hint: "Correct the name in the objective's classWeights, or leave it out.",
    });
  }
  return classes.map((name) => weights[name] ?? 1);
}
