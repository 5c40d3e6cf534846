/** @file Students that put texts into classes: new ones, and models that are given a class head. */

import { ModelError } from "../errors.js";
import type { ParameterSpec } from "../models/architecture.js";
import { classifierConfig, readClasses } from "../models/class-head.js";
import { architectureOf } from "../models/registry.js";
import { float32Tensor, type HostTensor } from "../runtime/tensor.js";
import { type ModelFolder, openModelFolder } from "../weights/index.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { drawWeights } from "./fresh-student.js";
import type { ModelDescription } from "./slice-model.js";

/** What a classifier is to be. */
export interface ClassifierOptions {
  readonly classes: readonly string[];
  /** Most ids of a text that it is trained to read. */
  readonly sequenceLength: number;
}

/** The classifier that a config.json describes, which may be that of a model without a class head. */
export function describeClassifier(
  config: Readonly<Record<string, unknown>>,
  { classes, sequenceLength }: ClassifierOptions,
): ModelDescription {
  const own = classifierConfig(config, classes, sequenceLength);
  const architecture = architectureOf(own);
  return { architecture, shape: architecture.parse(own), config: own };
}

/** A model folder opened as a classifier, without its weights. */
export interface OpenedClassifier {
  readonly model: ModelDescription;
  readonly fingerprint: string;
  /** Weights that the folder does not have for these classes, and that are drawn anew: the head, BERT's pooler. */
  readonly newWeights: readonly string[];
}

/**
 * Opens a folder as a classifier. A folder that is one of these very classes keeps its head; another model gets a new one.
 *
 * @throws ModelError for a folder that is no model, or a weight besides the head that it does not have.
 */
export async function openClassifier(path: string, options: ClassifierOptions): Promise<OpenedClassifier> {
  await using folder = await openModelFolder(path);
  const model = describeClassifier(folder.config, options);
  const specs = model.architecture.parameters(model.shape);
  const missing = specs.filter((spec) => storedName(folder, spec, options.classes) === undefined);
  for (const { name } of missing) {
    if (isHead(name)) continue;
    throw new ModelError(`"${path}": weights must hold tensor "${name}", got ${folder.names().length} others.`, {
      hint: "Check that config.json belongs to these weights.",
    });
  }
  return { model, fingerprint: await folder.fingerprint(), newWeights: missing.map(({ name }) => name) };
}

/** Reads the weights of an opened classifier; those that are new are drawn from the seed. */
export async function loadClassifier(
  path: string,
  { model }: OpenedClassifier,
  seed: number,
): Promise<ModelWithWeights> {
  await using folder = await openModelFolder(path);
  const drawn = drawWeights(model, seed).weights;
  const weights = new Map<string, HostTensor>();
  for (const spec of model.architecture.parameters(model.shape)) {
    const name = storedName(folder, spec, model.shape.classHead!.classes);
    if (name === undefined) {
      weights.set(spec.name, drawn.get(spec.name)!);
      continue;
    }
    folder.expectShape(name, spec.shape);
    weights.set(spec.name, float32Tensor(spec.shape, await folder.readFloat32(name)));
  }
  return { ...model, weights };
}

/** The layers on top of the body, which a model without a class head lacks. */
function isHead(name: string): boolean {
  return /^(score|classifier|pre_classifier|bert\.pooler)\b/.test(name);
}

/**
 * What a folder calls a weight: with the model's name before it or without, and old files of BERT with gamma and beta for a norm's
 * weight and bias. A head is that of other classes unless config.json names these.
 */
function storedName(folder: ModelFolder, { name }: ParameterSpec, classes: readonly string[]): string | undefined {
  const isLast = /^(score|classifier)\b/.test(name);
  if (isLast && JSON.stringify(readClasses(folder.config)) !== JSON.stringify(classes)) return undefined;
  const old = name.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta");
  const bare = (long: string) => long.replace(/^(bert|distilbert|model)\./, "");
  return [name, old, bare(name), bare(old)].find((candidate) => folder.has(candidate));
}
