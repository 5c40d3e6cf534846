/** @file A student cut out of its teacher, where what is kept may depend on what the teacher does with training rows. */

import { createRandom, shuffle } from "../data/random.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { LimbeckError } from "../errors.js";
import { packBatches } from "../evaluate/score-batches.js";
import { chooseParts, expectSliceable, isMeasured, type SliceOptions } from "../students/choose-parts.js";
import { type LayerImportance, measureImportance } from "../students/measure-importance.js";
import { describeSlice, llamaShapeOf, type ModelParts, sliceModel } from "../students/slice-model.js";
import { longestView } from "../training/train-student.js";
import { loadModelFolder } from "../weights/load-model.js";
import { hashOf } from "./hash-of.js";
import type { OpenedStudent, OpenedTeacher } from "./open-models.js";
import type { StudentOptions } from "./student-options.js";

/** Positions of training text on which importance is measured: enough for a stable order, seconds for a small teacher. */
export const calibrationTokens = 4096;

/** What a choice that depends on text is made with. */
export interface CalibrationOptions {
  readonly sequenceLength: number;
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a student with `from: teacher`.
 *
 * @throws LimbeckError `STUDENT` where there is no teacher or it has no such parts; UnsupportedError where it is of a type that
 *   cannot be cut.
 */
export function openFromTeacher(options: StudentOptions, teacher: OpenedTeacher | undefined): OpenedStudent {
  if (!teacher) {
    throw new LimbeckError("STUDENT", "student.from: expected a recipe that has a teacher, got one without.", {
      hint: "Name the model to start from with student.model.",
    });
  }
  const slice = sliceOptionsOf(options);
  if (slice === undefined) return whole(teacher);
  const shape = llamaShapeOf(teacher.model);
  expectSliceable(shape, slice);
  if (!isMeasured(slice)) return openSlice(teacher, chooseParts(shape, slice));
  // Sizes are known before the rows are read, which parts have them only after.
  const evenly = { ...slice, chooseLayers: "evenly" } as const;
  return {
    ...openSlice(teacher, chooseParts(shape, evenly, alike(teacher))),
    pending: {
      choose: async (documents, calibration) =>
        chooseParts(shape, slice, await importanceOf(teacher, documents, calibration)),
      settle: (parts) => openSlice(teacher, parts),
    },
  };
}

/** The keys that cut; undefined where the teacher is taken whole. */
export function sliceOptionsOf({
  layers,
  chooseLayers,
  feedForwardSize,
  heads,
}: StudentOptions): SliceOptions | undefined {
  if (layers === undefined && feedForwardSize === undefined && heads === undefined) return undefined;
  return { layers, chooseLayers, feedForwardSize, heads };
}

function whole({ model, tokenizer, name, storedAs }: OpenedTeacher): OpenedStudent {
  const { architecture, shape, config, path, fingerprint } = model;
  return {
    model: { architecture, shape, config },
    start: () => loadModelFolder(path),
    tokenizer,
    companionsFrom: path,
    fingerprint,
    origin: `all of ${name}`,
    storedAs,
  };
}

/** The student that keeps these parts. */
export function openSlice({ model, tokenizer, name }: OpenedTeacher, parts: ModelParts): OpenedStudent {
  return {
    model: describeSlice(model, parts),
    start: () => sliceModel(model.path, model, parts),
    tokenizer,
    companionsFrom: model.path,
    fingerprint: hashOf([model.fingerprint, parts]),
    origin: `${describeParts(parts)} of ${name}`,
    parts,
  };
}

/** `layers 0, 2, 4 with 1,024 of the feed-forward neurons and 2 of the key/value heads` */
function describeParts(parts: ModelParts): string {
  const { neurons, keyValueHeads } = parts[0]!;
  const kept = [
    neurons && `${neurons.length.toLocaleString("en-US")} feed-forward neurons`,
    keyValueHeads && `${keyValueHeads.length} key/value heads`,
  ].filter((each) => each !== undefined);
  const layers = `layers ${parts.map(({ layer }) => layer).join(", ")}`;
  return kept.length === 0 ? layers : `${layers} with ${kept.join(" and ")} each`;
}

/** How much every part of the teacher does on a sample of the rows, as the student sees them. */
export async function importanceOf(
  teacher: OpenedTeacher,
  documents: readonly TransferDocument[],
  { sequenceLength, ...options }: CalibrationOptions,
): Promise<readonly LayerImportance[]> {
  // What the student is cut from is the float32 model, whatever its teacher computes in.
  const model = teacher.precision === "float32" ? await teacher.load() : await loadModelFolder(teacher.model.path);
  const sample = sampleDocuments(documents, calibrationTokens);
  const batches = packBatches(sample, { sequenceLength, batchTokens: 2048 }).map(({ student }) => student);
  const positionCount = Math.max(sequenceLength, longestView(sample, "student"));
  return measureImportance(model, batches, { ...options, positionCount });
}

/** Documents drawn without order until they hold so many of the student's tokens; the same ones at every call. */
export function sampleDocuments(documents: readonly TransferDocument[], tokens: number): readonly TransferDocument[] {
  const order = documents.map((_, i) => i);
  shuffle(order, createRandom(0));
  const sample: TransferDocument[] = [];
  for (let i = 0, count = 0; i < order.length && count < tokens; i++) {
    const document = documents[order[i]!]!;
    sample.push(document);
    count += document.student.ids.length;
  }
  return sample;
}

/** Importance that prefers nothing. */
function alike({ model }: OpenedTeacher): readonly LayerImportance[] {
  const { layers, feedForwardSize, keyValueHeads } = llamaShapeOf(model);
  const zeros = (count: number) => new Array<number>(count).fill(0);
  const layer = { influence: 0, neurons: zeros(feedForwardSize), keyValueHeads: zeros(keyValueHeads) };
  return new Array<LayerImportance>(layers).fill(layer);
}
