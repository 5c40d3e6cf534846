/** @file Texts into classes with a model that is loaded: as an application asks, one or many at a time. */

import { hasTokenizer, loadTokenizer, type Tokenizer } from "../data/index.js";
import { readerOf, readingLimit } from "../data/text-reader.js";
import { ModelError } from "../errors.js";
import type { CompileOptions } from "../runtime/executor.js";
import { askAboutText, makeClassTeacher } from "../teachers/class-teacher.js";
import { type LoadedModel, loadModelFolder } from "../weights/load-model.js";
import { softmax } from "./class-probabilities.js";
import { likeliestClasses } from "./classification.js";

export interface ClassifyRequest {
  readonly text: string;
}

export interface ClassifyResult {
  /** The likeliest class. */
  readonly label: string;
  /** Of every class, in the model's order. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** True where the text was longer than the model reads, and its end was not looked at. */
  readonly isCut: boolean;
}

export interface Classifier {
  readonly classes: readonly string[];
  classify(request: ClassifyRequest): Promise<ClassifyResult>;
  dispose(): Promise<void>;
}

/** Loads a model folder that puts texts into classes. */
export async function openClassifier(folder: string, options: CompileOptions = {}): Promise<Classifier> {
  const model = await loadModelFolder(folder);
  return makeClassifier(model, (await hasTokenizer(folder)) ? await loadTokenizer(folder) : undefined, options);
}

/**
 * Compiles a classifier.
 *
 * @throws ModelError where the model has no class head.
 */
export async function makeClassifier(
  model: LoadedModel,
  tokenizer: Tokenizer | undefined,
  options: CompileOptions = {},
): Promise<Classifier> {
  const { shape } = model;
  if (!shape.classHead) {
    throw new ModelError(`classify: "${model.path}" must be a classifier, got a language model.`, {
      hint: 'Train one with the recipe "classification".',
    });
  }
  const { classes, position } = shape.classHead;
  const limit = readingLimit(shape);
  const reader = readerOf(shape, tokenizer, limit);
  const program = await makeClassTeacher(model, { ...options, positionCount: limit, outputs: [...classes.keys()] });
  return {
    classes,
    async classify({ text }) {
      const { ids, isCut } = reader.read(text);
      const logits = ids.length === 0 ? new Float32Array(classes.length) : await askAboutText(program, ids, position);
      const probabilities = softmax(logits);
      const best = likeliestClasses({ classes: classes.length, probabilities })[0]!;
      const named = Object.fromEntries(classes.map((name, i) => [name, probabilities[i]!]));
      return { label: classes[best]!, probabilities: named, isCut };
    },
    dispose: () => program.dispose(),
  };
}
