/** @file The models of a run that puts texts into classes: how each reads a text, and where the teacher's classes come from. */

import { basename } from "node:path";
import type { ClassSide } from "../data/class-documents.js";
import { loadChatTemplate, makePrompt, type Tokenizer } from "../data/index.js";
import { promptReader, readerOf } from "../data/text-reader.js";
import { DataError, ModelError, show } from "../errors.js";
import { bagOfNGramsType } from "../models/bag-of-n-grams.js";
import { describeClassifier, loadClassifier, openClassifier } from "../students/class-student.js";
import { describeFreshStudent, drawWeights } from "../students/fresh-student.js";
import { type ClassTeacher, makeClassTeacher } from "../teachers/class-teacher.js";
import { labelTokens, measureLeaning, withoutLeaning } from "../teachers/label-words.js";
import { type LocateOptions, locateModel } from "../weights/hub/index.js";
import type { ClassShape, ClassStudentOptions, ClassTeacherOptions } from "./class-options.js";
import { hashOf } from "./hash-of.js";
import { nameOnDisk, type OpenedStudent, type OpenedTeacher, openTeacher, tokenizerOf } from "./open-models.js";
import type { TeacherSizes } from "./run-parts.js";

export interface OpenedClassTeacher extends OpenedTeacher {
  readonly kind: "classifier" | "label-words";
  readonly side: ClassSide;
  /** By class the output of the model that stands for it. */
  readonly outputs: readonly number[];
  /** Compiles it; `leaning` is what was taken off each class's logit, nothing where it is not calibrated. */
  compile(sizes: TeacherSizes): Promise<{ readonly source: ClassTeacher; readonly leaning?: readonly number[] }>;
}

/** A teacher's model, before the classes of the run are known. */
export async function openClassTeacherModel(
  options: ClassTeacherOptions,
  download: LocateOptions,
): Promise<OpenedTeacher> {
  const teacher = await openTeacher(options, download);
  const isClassifier = teacher.model.shape.classHead !== undefined;
  if (isClassifier === (options.labelWords === undefined)) return teacher;
  throw isClassifier
    ? new ModelError(`teacher.labelWords: "${options.model}" must be a language model, got a classifier.`, {
        hint: "Leave out labelWords and what the teacher sees: a classifier tells classes itself.",
      })
    : new ModelError(`teacher: "${options.model}" must be a classifier, got a language model.`, {
        hint: "Set teacher.labelWords and teacher.prompt, or give it a class head first: make it the student of a run of this recipe.",
      });
}

/** @throws ModelError where the teacher does not know one of the classes, or a word of them is not one token. */
export async function settleClassTeacher(
  teacher: OpenedTeacher,
  options: ClassTeacherOptions,
  classes: readonly string[],
  data: { readonly sequenceLength: number; readonly textField: string },
): Promise<OpenedClassTeacher> {
  const { shape } = teacher.model;
  const limit = Math.min(options.sequenceLength ?? data.sequenceLength, shape.maxPositions);
  if (shape.classHead) {
    const { classes: own, position } = shape.classHead;
    const unknown = classes.find((name) => !own.includes(name));
    if (unknown !== undefined) {
      throw new ModelError(`teacher: "${teacher.name}" must know the class "${unknown}", got ${show(own)}.`, {
        hint: "Name the classes as the teacher does.",
      });
    }
    const outputs = classes.map((name) => own.indexOf(name));
    return {
      ...teacher,
      kind: "classifier",
      side: { reader: readerOf(shape, teacher.tokenizer, limit), position },
      outputs,
      compile: async (sizes) => ({ source: await makeClassTeacher(await teacher.load(), { ...sizes, outputs }) }),
    };
  }
  const tokenizer = needTokenizer(teacher);
  const words = options.labelWords!;
  const odd = [
    ...classes.filter((name) => !(name in words)),
    ...Object.keys(words).filter((name) => !classes.includes(name)),
  ];
  if (odd.length > 0) {
    throw new ModelError(
      `teacher.labelWords: expected a word for each of ${classes.join(", ")}, got ${show(Object.keys(words))}.`,
    );
  }
  const outputs = labelTokens(tokenizer, classes, words);
  const asked = options.prompt ?? { messages: options.messages! };
  const reading = {
    prompt: makePrompt(asked, "teacher.prompt"),
    tokenizer,
    chatTemplate: await loadChatTemplate(options.template ?? "auto", tokenizer),
    textField: data.textField,
  };
  const reader = promptReader(reading, limit, hashOf([asked, options.template ?? "auto"]));
  return {
    ...teacher,
    kind: "label-words",
    side: { reader, position: "last" },
    outputs,
    async compile(sizes) {
      const source = await makeClassTeacher(await teacher.load(), { ...sizes, outputs });
      if (options.calibrate === false) return { source };
      const leaning = await measureLeaning(source, reader);
      return { source: withoutLeaning(source, leaning), leaning };
    },
  };
}

function needTokenizer({ name, tokenizer }: OpenedTeacher): Tokenizer {
  if (tokenizer) return tokenizer;
  throw new ModelError(`teacher: "${name}" must have a tokenizer.json to read a prompt, got none.`);
}

export interface OpenedClassStudent extends OpenedStudent {
  readonly side: ClassSide;
}

/**
 * The student's start: a new model, or one that exists and gets a class head where it has none for these classes.
 *
 * @throws DataError where a new student has no tokenizer, or texts may be longer than the model has positions.
 */
export async function openClassStudent(
  options: ClassStudentOptions,
  teacher: OpenedTeacher | undefined,
  settings: { readonly classes: readonly string[]; readonly sequenceLength: number; readonly seed: number },
  download: LocateOptions,
): Promise<OpenedClassStudent> {
  const student =
    options.model === undefined
      ? await openNew(options, teacher, settings, download)
      : await openExisting(options.model, settings, download);
  const { shape } = student.model;
  if (settings.sequenceLength > shape.maxPositions) {
    throw new DataError(
      `student: texts of ${settings.sequenceLength} tokens must fit the model's positions, got ${shape.maxPositions} of them.`,
      { hint: "Lower data.sequenceLength." },
    );
  }
  const reader = readerOf(shape, student.tokenizer, settings.sequenceLength);
  return { ...student, side: { reader, position: shape.classHead!.position } };
}

async function openExisting(
  model: string,
  settings: { readonly classes: readonly string[]; readonly sequenceLength: number; readonly seed: number },
  download: LocateOptions,
): Promise<OpenedStudent> {
  const path = await locateModel(model, download);
  const opened = await openClassifier(path, settings);
  const isNew = opened.newWeights.length > 0;
  return {
    model: opened.model,
    start: () => loadClassifier(path, opened, settings.seed),
    tokenizer: await tokenizerOf(path),
    companionsFrom: opened.model.shape.modelType === bagOfNGramsType ? undefined : path,
    fingerprint: hashOf([opened.fingerprint, opened.model.config, isNew ? settings.seed : null]),
    origin: isNew ? `${basename(model)} with a new class head` : model,
    storedAs: nameOnDisk(model, path),
  };
}

async function openNew(
  options: ClassStudentOptions,
  teacher: OpenedTeacher | undefined,
  settings: { readonly classes: readonly string[]; readonly sequenceLength: number; readonly seed: number },
  download: LocateOptions,
): Promise<OpenedStudent> {
  const shape = options.shape!;
  const isBag = shape.modelType === bagOfNGramsType;
  const companionsFrom = isBag
    ? undefined
    : options.tokenizer === undefined
      ? teacher?.model.path
      : await locateModel(options.tokenizer, { ...download, need: "tokenizer" });
  const tokenizer = companionsFrom === undefined ? undefined : await tokenizerOf(companionsFrom);
  if (!isBag && !tokenizer) {
    throw new DataError("student: expected a tokenizer for a new student, got none.", {
      hint: "Set student.tokenizer.",
    });
  }
  const model = describeClassifier(configOf(shape, tokenizer, settings.sequenceLength), settings);
  return {
    model,
    start: async () => drawWeights(model, settings.seed),
    tokenizer,
    companionsFrom,
    fingerprint: hashOf([model.config, settings.seed]),
    origin: "random weights",
  };
}

/** config.json of a new model, without its classes. */
function configOf(
  shape: ClassShape,
  tokenizer: Tokenizer | undefined,
  sequenceLength: number,
): Readonly<Record<string, unknown>> {
  const vocab = { vocab_size: tokenizer?.vocabSize };
  switch (shape.modelType) {
    case "bag-of-n-grams":
      return {
        model_type: shape.modelType,
        hidden_size: shape.hiddenSize,
        buckets: shape.buckets,
        word_n_grams: shape.wordNGrams,
        character_n_grams: shape.characterNGrams,
      };
    case "bert":
      return {
        model_type: shape.modelType,
        ...vocab,
        num_hidden_layers: shape.layers,
        hidden_size: shape.hiddenSize,
        num_attention_heads: shape.heads,
        intermediate_size: shape.feedForwardSize,
        max_position_embeddings: shape.maxPositions ?? sequenceLength,
        hidden_act: "gelu",
        type_vocab_size: 2,
        layer_norm_eps: 1e-12,
      };
    case "distilbert":
      return {
        model_type: shape.modelType,
        ...vocab,
        n_layers: shape.layers,
        dim: shape.hiddenSize,
        n_heads: shape.heads,
        hidden_dim: shape.feedForwardSize,
        max_position_embeddings: shape.maxPositions ?? sequenceLength,
        activation: "gelu",
        seq_classif_dropout: 0,
      };
    default: {
      const sizes = {
        vocabSize: shape.vocabSize ?? tokenizer!.vocabSize,
        maxPositions: shape.maxPositions ?? sequenceLength,
        endTokenId: tokenizer?.endTokenId,
      };
      return describeFreshStudent({ ...shape, ...sizes }).config;
    }
  }
}
