/** @file Which layers, heads and neurons of a model a student keeps: named, evenly spaced, or those that do most. */

import { LimbeckError, show } from "../errors.js";
import type { LlamaShape } from "../models/llama.js";
import type { LayerImportance } from "./measure-importance.js";
import type { ModelParts } from "./slice-model.js";

export type LayerChoice = "evenly" | "importance";

/** How much of a model to keep; all of what is left out. */
export interface SliceOptions {
  /** How many layers, or their numbers from 0. */
  readonly layers?: number | readonly number[] | undefined;
  /** How a number of layers is chosen; evenly unless given. */
  readonly chooseLayers?: LayerChoice | undefined;
  readonly feedForwardSize?: number | undefined;
  /** Query heads; whole groups that share a key/value head are kept. */
  readonly heads?: number | undefined;
}

/** Whether the choice needs {@link LayerImportance}: it depends on what the model does with text. */
export function isMeasured({ layers, chooseLayers, feedForwardSize, heads }: SliceOptions): boolean {
  return (
    feedForwardSize !== undefined ||
    heads !== undefined ||
    (typeof layers === "number" && chooseLayers === "importance")
  );
}

/**
 * Checks that a model has what is to be kept.
 *
 * @throws LimbeckError `STUDENT` that says which sizes can be cut.
 */
export function expectSliceable(shape: LlamaShape, { layers, feedForwardSize, heads }: SliceOptions): void {
  const refuse = (key: string, expected: string, got: unknown): never => {
    throw new LimbeckError("STUDENT", `student.${key}: expected ${expected}, got ${show(got)}.`, {
      hint: `Choose a size that the teacher can be cut to, or a new model with student.shape.`,
    });
  };
  if (typeof layers === "number" && (layers < 1 || layers > shape.layers)) {
    refuse("layers", `1 to ${shape.layers}, the teacher's`, layers);
  }
  if (Array.isArray(layers)) {
    const numbers: readonly number[] = layers;
    const ascends = numbers.every((layer, i) => i === 0 || layer > numbers[i - 1]!);
    const fits = numbers.length > 0 && numbers.every((layer) => layer >= 0 && layer < shape.layers);
    if (!ascends || !fits) refuse("layers", `ascending numbers from 0 to ${shape.layers - 1}`, layers);
  }
  if (feedForwardSize !== undefined && (feedForwardSize < 1 || feedForwardSize > shape.feedForwardSize)) {
    refuse("feedForwardSize", `1 to ${shape.feedForwardSize}, the teacher's`, feedForwardSize);
  }
  const group = shape.heads / shape.keyValueHeads;
  if (heads !== undefined && (heads < 1 || heads > shape.heads || heads % group !== 0)) {
    const sizes = Array.from({ length: shape.keyValueHeads }, (_, i) => (i + 1) * group);
    const shown = sizes.length > 12 ? `${sizes.slice(0, 3).join(", ")}, … ${sizes.at(-1)}` : sizes.join(", ");
    const why = group === 1 ? "" : ` (${group} heads share one key/value head)`;
    refuse("heads", `one of ${shown}${why}`, heads);
  }
}

/**
 * The parts to keep. Layers first, then in each of them the neurons and heads; those that do most are kept in the model's order.
 *
 * @param importance - per layer of the model; needed where {@link isMeasured}.
 */
export function chooseParts(
  shape: LlamaShape,
  options: SliceOptions,
  importance?: readonly LayerImportance[],
): ModelParts {
  expectSliceable(shape, options);
  const { layers = shape.layers, chooseLayers, feedForwardSize, heads } = options;
  const byInfluence = () =>
    largest(
      importance!.map(({ influence }) => influence),
      layers as number,
    );
  const numbers =
    typeof layers !== "number"
      ? layers
      : chooseLayers === "importance"
        ? byInfluence()
        : evenlySpaced(shape.layers, layers);
  const keyValueHeads = heads === undefined ? undefined : (heads * shape.keyValueHeads) / shape.heads;
  return numbers.map((layer) => ({
    layer,
    ...(feedForwardSize !== undefined && { neurons: largest(importance![layer]!.neurons, feedForwardSize) }),
    ...(keyValueHeads !== undefined && { keyValueHeads: largest(importance![layer]!.keyValueHeads, keyValueHeads) }),
  }));
}

/**
 * `count` of `total` layers, the first and the last always among them; of one, the first.
 *
 * @see Shleifer & Rush 2020, "Pre-trained Summarization Distillation", §3.1, "shrink and fine-tune" (arXiv:2010.13002).
 */
export function evenlySpaced(total: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => Math.round((i * (total - 1)) / Math.max(1, count - 1)));
}

/** Indices of the `count` largest values, ascending; of equals the first. */
function largest(values: readonly number[], count: number): readonly number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]! || a - b);
  return order.slice(0, count).sort((a, b) => a - b);
}
