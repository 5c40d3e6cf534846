/** @file The models of a run: the teacher, and the student's start, with their tokenizers. */

import { createHash } from "node:crypto";
import { basename } from "node:path";
import { assertSameTokenizer, hasTokenizer, loadTokenizer, type Tokenizer } from "../data/index.js";
import { DataError } from "../errors.js";
import { describeFreshStudent, makeFreshStudent } from "../students/fresh-student.js";
import { type LocateOptions, locateModel } from "../weights/hub/index.js";
import { type LoadedModel, loadModelFolder, type ModelWithWeights } from "../weights/load-model.js";
import type { Precision } from "../weights/quantize/index.js";
import type { StudentOptions, TeacherOptions } from "./options.js";

export interface OpenedTeacher {
  /** The last part of what `model:` says. */
  readonly name: string;
  readonly model: LoadedModel;
  readonly precision: Precision;
  readonly tokenizer: Tokenizer | undefined;
}

export interface OpenedStudent {
  /** Without weights, which only those hold who work with them. */
  readonly model: Omit<ModelWithWeights, "weights">;
  /** The weights that training starts from, a new copy at every call. */
  readonly start: () => Promise<ModelWithWeights>;
  readonly tokenizer: Tokenizer | undefined;
  /** The folder whose tokenizer files go with the student. */
  readonly companionsFrom: string;
  readonly fingerprint: string;
}

/** @param download - how a model that is not on this machine is downloaded. */
export async function openTeacher(
  { model, precision }: TeacherOptions,
  download: LocateOptions = {},
): Promise<OpenedTeacher> {
  const path = await locateModel(model, download);
  const opened = await loadModelFolder(path, { precision });
  return { name: basename(model), model: opened, precision, tokenizer: await tokenizerOf(path) };
}

/**
 * The student's start: a model's weights, or new ones drawn from the seed.
 *
 * @param teacher - whose tokenizer and head width a new student takes where the config names none.
 * @param download - how a model that is not on this machine is downloaded.
 */
export async function openStudent(
  options: StudentOptions,
  teacher: OpenedTeacher | undefined,
  { seed, sequenceLength }: { readonly seed: number; readonly sequenceLength: number },
  download: LocateOptions = {},
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
    fingerprint: createHash("sha256")
      .update(JSON.stringify([made, seed]))
      .digest("hex"),
  };
}

/**
 * Ids must mean the same on both sides.
 *
 * @throws DataError where the tokenizers differ, or one is missing and the heads differ in width.
 */
export function assertOneVocabulary(teacher: OpenedTeacher, student: OpenedStudent): void {
  if (teacher.tokenizer && student.tokenizer) {
    assertSameTokenizer(teacher.tokenizer, student.tokenizer);
    return;
  }
  const [taught, learned] = [teacher.model.shape.headWidth, student.model.shape.headWidth];
  if (taught === learned) return;
  throw new DataError(
    `teacher and student must share a tokenizer; where one has none their heads must be equally wide, got ${taught} and ${learned}.`,
    { hint: "Put the tokenizer's files into both folders." },
  );
}

async function tokenizerOf(folder: string): Promise<Tokenizer | undefined> {
  return (await hasTokenizer(folder)) ? loadTokenizer(folder) : undefined;
}
