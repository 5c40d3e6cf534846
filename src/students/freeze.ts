/** @file Which weights stay as they are: parts of a model by short names, and weights by patterns of their own names. */

import { LimbeckError, show } from "../errors.js";
import type { ParameterSpec } from "../models/architecture.js";
import type { ModelDescription } from "./slice-model.js";

/** Parts by name. Layers go by `layers.3` and `layers.0-5`. */
const parts: Readonly<Record<string, (spec: ParameterSpec) => boolean>> = {
  embeddings: ({ role }) => role === "embedding",
  head: ({ role }) => role === "head",
  norms: ({ role }) => role === "norm",
  biases: ({ role }) => role === "bias",
  attention: ({ name }) => name.includes(".self_attn."),
  "feed-forward": ({ name }) => name.includes(".mlp."),
  layers: ({ name }) => layerOf(name) !== undefined,
};

/** What `freeze` may list, in words. */
export const freezeForms = `${Object.keys(parts).join(", ")}, layers.3, layers.0-5, or a pattern of weight names such as model.layers.*.mlp.*`;

/**
 * The names of the weights that are frozen.
 *
 * @param patterns - {@link freezeForms}; in a pattern `*` stands for any characters.
 * @throws LimbeckError `STUDENT` where one of them is no part of the model, or nothing is left to train.
 */
export function frozenWeights(
  { architecture, shape }: ModelDescription,
  patterns: readonly string[],
): ReadonlySet<string> {
  const specs = architecture.parameters(shape);
  const frozen = new Set<string>();
  for (const pattern of patterns) {
    const isMeant = predicateOf(pattern);
    const names = specs.filter(isMeant).map(({ name }) => name);
    if (names.length === 0) throw nothingMeant(pattern, shape.tiedHead, shape.layers);
    for (const name of names) frozen.add(name);
  }
  if (frozen.size === specs.length) {
    throw new LimbeckError(
      "STUDENT",
      `student.freeze: expected something left to train, got ${show(patterns)}, which is all.`,
      {
        hint: "Freeze less.",
      },
    );
  }
  return frozen;
}

function predicateOf(pattern: string): (spec: ParameterSpec) => boolean {
  const named = parts[pattern];
  if (named) return named;
  const [, first, last = first] = /^layers\.(\d+)(?:-(\d+))?$/.exec(pattern) ?? [];
  if (first !== undefined) {
    return ({ name }) => {
      const layer = layerOf(name);
      return layer !== undefined && layer >= Number(first) && layer <= Number(last);
    };
  }
  const expression = new RegExp(`^${pattern.split("*").map(asLiteral).join(".*")}$`);
  return ({ name }) => expression.test(name);
}

function asLiteral(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
}

function layerOf(name: string): number | undefined {
  const [, layer] = /\.layers\.(\d+)\./.exec(`.${name}`) ?? [];
  return layer === undefined ? undefined : Number(layer);
}

function nothingMeant(pattern: string, tiedHead: boolean, layers: number): LimbeckError {
  const message = `student.freeze: expected parts of the model (${freezeForms}), got ${show(pattern)}, of which the model has none.`;
  const hint =
    pattern === "head" && tiedHead
      ? "The head is the embedding table: freeze embeddings instead."
      : pattern.startsWith("layers.")
        ? `Layers are counted from 0 to ${layers - 1}.`
        : "List weight names with limbeck inspect.";
  return new LimbeckError("STUDENT", message, { hint });
}
