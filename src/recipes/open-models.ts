/** @file The models of a run: the teacher, and the student's start, with their tokenizers. */

import { basename, resolve } from "node:path";
import { assertSameTokenizer, hasTokenizer, loadTokenizer, type Tokenizer } from "../data/index.js";
import { assertSameTemplate } from "../data/same-template.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { DataError, UnsupportedError } from "../errors.js";
import { describeFreshStudent, makeFreshStudent } from "../students/fresh-student.js";
import type { ModelDescription, ModelParts } from "../students/slice-model.js";
import type { StudentModel } from "../students/student-model.js";
import { type LocateOptions, locateModel } from "../weights/hub/index.js";
import {
  type DescribedModel,
  describeModelFolder,
  type LoadedModel,
  loadModelFolder,
  loadWeights,
} from "../weights/load-model.js";
import type { Precision } from "../weights/quantize/index.js";
import { hashOf } from "./hash-of.js";
import type { RowReader } from "./open-data.js";
import type { MixedTeacherOptions, StudentOptions, TeacherOptions } from "./options.js";
import { type CalibrationOptions, openFromTeacher } from "./student-from-teacher.js";
import { trainPartly } from "./train-partly.js";

export interface OpenedTeacher {
  /** The last part of what `model:` says. */
  readonly name: string;
  /** How it can be named on disk: a path or a model on the hub. */
  readonly storedAs: string;
  /** The model without its weights. */
  readonly model: DescribedModel;
  /** Its weights, read when first asked for. */
  readonly load: () => Promise<LoadedModel>;
  readonly precision: Precision;
  readonly tokenizer: Tokenizer | undefined;
  /** All that teach, itself the first, where it does not teach alone. */
  readonly mixture?: readonly MixedTeacher[] | undefined;
}

/** A teacher, and how much it counts. */
export interface MixedTeacher {
  readonly teacher: OpenedTeacher;
  readonly weight: number;
}

export interface OpenedStudent {
  /** What the student will be, adapters merged; without weights, which only those hold who work with them. */
  readonly model: ModelDescription;
  /** The weights that training starts from, a new copy at every call, and which of them are trained. */
  readonly start: () => Promise<StudentModel>;
  readonly tokenizer: Tokenizer | undefined;
  /** The folder whose tokenizer files go with the student; undefined where it needs none. */
  readonly companionsFrom: string | undefined;
  readonly fingerprint: string;
  /** Where it starts, in words. */
  readonly origin: string;
  /** How the start can be named on disk: a path or a model on the hub; undefined where it is made anew. */
  readonly storedAs?: string | undefined;
  /** Weights that are trained, where not all of them are. */
  readonly trainedParameters?: number | undefined;
  /** What is kept of the teacher. */
  readonly parts?: ModelParts | undefined;
  /** Where the parts to keep depend on training rows: until then `model` has the right sizes only. */
  readonly pending?: PendingChoice | undefined;
  /** Where the start may be what the teacher sees besides: the student that starts from these training rows. */
  readonly readContext?: ((documents: readonly TransferDocument[]) => OpenedStudent) | undefined;
}

/** A choice that needs text. */
export interface PendingChoice {
  choose(documents: readonly TransferDocument[], options: CalibrationOptions): Promise<ModelParts>;
  /** The student that keeps these parts. */
  settle(parts: ModelParts): OpenedStudent;
}

/** @param download - how a model that is not on this machine is downloaded. */
export async function openTeacher(
  { model, precision }: TeacherOptions,
  download: LocateOptions = {},
): Promise<OpenedTeacher> {
  const path = await locateModel(model, download);
  const storedAs = nameOnDisk(model, path);
  const described = await describeModelFolder(path, { precision });
  expectNoSoftPrompt(model, described.shape.virtualTokens);
  let loaded: Promise<LoadedModel> | undefined;
  const load = () => {
    loaded ??= loadWeights(described);
    return loaded;
  };
  return { name: basename(model), storedAs, model: described, load, precision, tokenizer: await tokenizerOf(path) };
}

/** A teacher, and those that it is mixed with where it does not teach alone. */
export type TeachersOptions = TeacherOptions & Partial<Pick<MixedTeacherOptions, "weight" | "mixWith">>;

/**
 * The teacher, with those that it is mixed with. What a student is cut from or takes its tokenizer from is the first.
 *
 * @throws DataError where their tokenizers differ.
 */
export async function openTeachers(
  { weight = 1, mixWith = [], ...own }: TeachersOptions,
  download: LocateOptions = {},
): Promise<OpenedTeacher> {
  const first = await openTeacher(own, download);
  if (mixWith.length === 0) return first;
  const mixture: MixedTeacher[] = [{ teacher: first, weight }];
  for (const { model, weight } of mixWith) {
    const teacher = await openTeacher({ ...own, model }, download);
    assertOneVocabulary(first, teacher);
    mixture.push({ teacher, weight });
  }
  return { ...first, name: mixture.map(({ teacher }) => teacher.name).join(" + "), mixture };
}

/** All that teach: the teacher itself, and those that it is mixed with. */
export function mixtureOf(teacher: OpenedTeacher): readonly MixedTeacher[] {
  return teacher.mixture ?? [{ teacher, weight: 1 }];
}

/** @throws UnsupportedError where a model that is to teach has a soft prompt: views for teachers hold text alone. */
export function expectNoSoftPrompt(model: string, virtualTokens = 0): void {
  if (virtualTokens === 0) return;
  throw new UnsupportedError(`teacher: expected a model without a soft prompt, got "${model}", which has one.`, {
    hint: "Let its base teach, with a context in the prompt.",
  });
}

interface StartOptions {
  readonly seed: number;
  readonly sequenceLength: number;
}

/**
 * The student's start: a model's weights, parts of the teacher's, or new ones drawn from the seed.
 *
 * @param teacher - what `from: teacher` cuts, and whose tokenizer and head width a new student takes where the config names none.
 * @param download - how a model that is not on this machine is downloaded.
 * @throws LimbeckError `STUDENT` where the teacher or the model does not have what is to be kept, adapted or frozen.
 */
export async function openStudent(
  options: StudentOptions,
  teacher: OpenedTeacher | undefined,
  start: StartOptions,
  download: LocateOptions = {},
): Promise<OpenedStudent> {
  const opened =
    options.from === undefined
      ? await openOwnStudent(options, teacher, start, download)
      : openFromTeacher(options, teacher);
  return trainPartly(opened, options, start.seed);
}

async function openOwnStudent(
  options: StudentOptions,
  teacher: OpenedTeacher | undefined,
  { seed, sequenceLength }: StartOptions,
  download: LocateOptions,
): Promise<OpenedStudent> {
  if (options.model !== undefined) {
    const path = await locateModel(options.model, download);
    let opened: LoadedModel | undefined = await loadModelFolder(path);
    const { architecture, shape, config, fingerprint } = opened;
    return {
      model: { architecture, shape, config },
      // What was read to get here is the first copy.
      start: async () => {
        const model = opened ?? (await loadModelFolder(path));
        opened = undefined;
        return model;
      },
      tokenizer: await tokenizerOf(path),
      companionsFrom: path,
      fingerprint,
      origin: options.model,
      storedAs: nameOnDisk(options.model, path),
    };
  }
  const companionsFrom =
    options.tokenizer === undefined
      ? teacher?.model.path
      : await locateModel(options.tokenizer, { ...download, need: "tokenizer" });
  if (companionsFrom === undefined) {
    throw new DataError("student: expected the folder of a tokenizer for a new student, got none.", {
      hint: "Set student.tokenizer.",
    });
  }
  const tokenizer = await tokenizerOf(companionsFrom);
  const shape = options.shape!;
  const vocabSize = shape.vocabSize ?? teacher?.model.shape.headWidth ?? tokenizer?.vocabSize;
  if (vocabSize === undefined) {
    throw new DataError(
      `student: expected a tokenizer in "${companionsFrom}", which tells how wide the head is, got none.`,
      {
        hint: "Set student.tokenizer, or student.shape.vocabSize for rows of token ids.",
      },
    );
  }
  const maxPositions = shape.maxPositions ?? sequenceLength;
  const made = { ...shape, vocabSize, maxPositions, endTokenId: tokenizer?.endTokenId };
  return {
    model: describeFreshStudent(made),
    start: async () => makeFreshStudent(made, seed),
    tokenizer,
    companionsFrom,
    fingerprint: hashOf([made, seed]),
    origin: "random weights",
  };
}

/**
 * Ids must mean the same on both sides.
 *
 * @throws DataError where the tokenizers differ, or one is missing and the heads differ in width.
 */
export function assertOneVocabulary(teacher: RowReader, student: RowReader): void {
  if (teacher.tokenizer && student.tokenizer) {
    assertSameTokenizer(teacher.tokenizer, student.tokenizer);
    return;
  }
  const [taught, learned] = [teacher.model.shape.headWidth, student.model.shape.headWidth];
  if (taught === learned) return;
  throw new DataError(
    `all models of a run must share a tokenizer; where one has none their heads must be equally wide, got ${taught} and ${learned}.`,
    { hint: "Put the tokenizer's files into both folders." },
  );
}

/**
 * A response must be written and ended alike on both sides.
 *
 * @throws DataError where it is not.
 */
export function assertOneConversation(teacher: OpenedTeacher, student: OpenedStudent, template: string): void {
  if (teacher.tokenizer && student.tokenizer) assertSameTemplate(teacher.tokenizer, student.tokenizer, template);
}

/** What a config calls a model, where that means the same everywhere. */
export function nameOnDisk(model: string, path: string): string {
  return path === model ? resolve(path) : model;
}

export async function tokenizerOf(folder: string): Promise<Tokenizer | undefined> {
  return (await hasTokenizer(folder)) ? loadTokenizer(folder) : undefined;
}
