/** @file Where a run's signals come from: the teacher itself, or a cache that is filled first with what it lacks. */

import { join } from "node:path";
import type { TransferDocument } from "../data/transfer-set.js";
import { LimbeckError } from "../errors.js";
import { temperaturesOf } from "../losses/objective.js";
import {
  type CacheOptions,
  type CaptureDescription,
  type CaptureFolder,
  codecOf,
  describeDifferences,
  differencesOf,
  distinctDocuments,
  fingerprintKeys,
  isComplete,
  listCaptures,
  makeCapture,
  planBlocks,
  presentBlocks,
  readCapture,
  type Stored,
} from "../signals/cache/index.js";
import { teacherHeadName } from "../signals/signal-feeds.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import { makeCachedTeacher, OpenCaptures } from "../teachers/cached-teacher.js";
import { captureSignals } from "../teachers/capture-signals.js";
import { makeLocalTeacher } from "../teachers/local-teacher.js";
import { teacherPrefix } from "../teachers/shared-prefix.js";
import { makeSparseTeacher } from "../teachers/sparse-teacher.js";
import { widestBatch } from "../training/train-student.js";
import { packageVersion } from "../version.js";
import { loadOutputHead } from "../weights/load-model.js";
import { askedDocuments } from "./asked-documents.js";
import type { OpenedTeacher } from "./open-models.js";
import type { RecipeContext } from "./recipe.js";
import { type CommonConfig, type RunParts, tapsFor } from "./run-parts.js";

/** A run's parts, of a recipe that has a teacher. */
type TaughtParts = RunParts & { readonly teacher: OpenedTeacher };

/** The source of a run's signals. With a cache the teacher is asked for what no capture holds, and nothing else. */
export async function openTeacherSource(
  context: RecipeContext<CommonConfig>,
  parts: TaughtParts,
  threads: number,
): Promise<TeacherSource> {
  const { cache, data: options } = context.config;
  const { teacher, data } = parts;
  if (!cache) {
    const documents = [...data.train, ...data.heldOut];
    const positionCount = widestBatch(documents, options.sequenceLength);
    const taps = tapsFor(parts, teacher.model);
    return makeLocalTeacher(await teacher.load(), { positionCount, threads, prefix: teacherPrefix(documents), taps });
  }
  const asked = { ...parts, data: { ...data, train: askedDocuments(data.train, context.config) } };
  const { captures } = await fillCache(context, cache, asked, threads);
  const open = await OpenCaptures.open(captures);
  const { form } = codecOf(storedOf(cache, parts));
  if (form.kind === "sparse" && cache.store.kind === "sparse") {
    const cached = makeCachedTeacher(open, { form: { ...form, tail: cache.store.tail }, headFeeds: {} });
    for (const warning of warnAboutSignals(cached)) context.emit({ type: "warning", ...warning });
    return cached;
  }
  return makeCachedTeacher(open, { form, headFeeds: { [teacherHeadName]: await loadOutputHead(teacher.model) } });
}

/** What a reader of a run's numbers should know of where they come from. */
export function warnAboutSignals(
  source: TeacherSource | undefined,
): readonly { readonly code: string; readonly message: string }[] {
  if (source?.form.kind !== "sparse") return [];
  const { tail, k } = source.form;
  const what = {
    bucket: "with all others as one: never above the true KL",
    drop: "without the others: not the true KL, and perhaps below 0",
    renormalize: "as if there were no others: not the true KL",
    sampled: "and others drawn at random: right on average, but noisy",
  };
  const message = `the teacher's signals are at most ${k} tokens each; KL from the teacher is measured on them, ${what[tail]}.`;
  return [{ code: "sparse-signals", message }];
}

/** What a cache holds of a run's rows. */
export interface FilledCache {
  readonly captures: readonly CaptureFolder[];
  /** Documents that the teacher was asked about now; 0 where all were there. */
  readonly asked: number;
}

/**
 * Finds the captures that fit a run, and makes one of the documents that they lack.
 *
 * @throws LimbeckError `CACHE` where a capture that is named does not fit or lacks rows, or a file is damaged.
 */
export async function fillCache(
  { emit, signal }: Pick<RecipeContext<unknown>, "emit" | "signal">,
  cache: CacheOptions,
  parts: TaughtParts,
  threads: number,
): Promise<FilledCache> {
  const { teacher, data } = parts;
  const stored = storedOf(cache, parts);
  const described = {
    name: teacher.name,
    fingerprint: teacher.model.fingerprint,
    precision: teacher.precision,
    tokenizer: teacher.tokenizer?.fingerprint ?? null,
  };
  const wanted = { teacher: described, stored };
  const documents = distinctDocuments([...data.train, ...data.heldOut]);
  const captures =
    cache.capture === undefined ? await fitting(cache.directory, wanted) : [await openNamed(cache.capture, wanted)];
  const missing = await lacking(captures, documents);
  if (missing.length === 0) {
    const names = captures.map(({ path }) => `"${path}"`).join(", ");
    emit({ type: "phase", phase: "teacher", message: `the teacher is not run: its signals are in ${names}` });
    return { captures, asked: 0 };
  }
  if (cache.capture !== undefined) throw lacksRows(cache.capture, missing.length, documents.length);
  const description: CaptureDescription = {
    limbeckCapture: 1,
    teacher: described,
    data: {
      fingerprint: fingerprintKeys(missing),
      documents: missing.length,
      rows: missing.reduce((sum, { responseTokens }) => sum + responseTokens, 0),
    },
    stored,
    blocks: planBlocks(missing).blocks,
    createdBy: `limbeck ${packageVersion}`,
  };
  const capture = await makeCapture(cache.directory, description);
  const there = (await presentBlocks(capture)).size;
  const part = there === 0 ? "" : `, of which ${there} of ${description.blocks} blocks are there`;
  emit({ type: "phase", phase: "teacher", message: `capturing the teacher in "${capture.path}"${part}` });
  const asked = await captureSignals(capture, missing, {
    open: async (positionCount) => {
      const options = { positionCount, threads, prefix: teacherPrefix(missing) };
      const local = await makeLocalTeacher(await teacher.load(), options);
      return stored.kind === "hidden" ? local : makeSparseTeacher(local, stored, threads);
    },
    signal,
    onProgress: (done, total) => emit({ type: "progress", task: "capturing", done, total, unit: "blocks" }),
  });
  return { captures: [...captures, capture], asked };
}

/** What a run asks a capture to hold. */
function storedOf({ store }: CacheOptions, { teacher, student, objective }: TaughtParts): Stored {
  const { hiddenSize, headWidth } = teacher.model.shape;
  if (store.kind === "hidden") return { ...store, hiddenSize, headWidth };
  const { tail, ...kept } = store;
  const asked = new Set([1, ...store.temperatures, ...temperaturesOf(objective)]);
  // Two heads are compared over the ids that both have.
  const width = Math.min(headWidth, student.model.shape.headWidth);
  return { ...kept, temperatures: [...asked].sort((a, b) => a - b), headWidth: width };
}

type Wanted = Parameters<typeof differencesOf>[1];

/** Complete captures of the same teacher and store, whatever their rows. */
async function fitting(directory: string, wanted: Wanted): Promise<readonly CaptureFolder[]> {
  const found: CaptureFolder[] = [];
  for (const capture of await listCaptures(directory)) {
    if (differencesOf(capture.description, wanted).length === 0 && (await isComplete(capture))) found.push(capture);
  }
  return found;
}

async function openNamed(path: string, wanted: Wanted): Promise<CaptureFolder> {
  const capture = await readCapture(path);
  if (!capture) {
    throw new LimbeckError("CACHE", `cache.capture: "${path}" must be the folder of a capture, got no capture.json.`, {
      hint: `Name a folder that limbeck capture made, such as one in "${join(".limbeck", "cache")}".`,
    });
  }
  const differences = differencesOf(capture.description, wanted);
  if (differences.length > 0) {
    throw new LimbeckError("CACHE", `cache.capture: "${path}" does not fit: ${describeDifferences(differences)}.`, {
      hint: "Leave out cache.capture to have one that fits made in cache.directory.",
      details: { differences },
    });
  }
  if (await isComplete(capture)) return capture;
  throw new LimbeckError("CACHE", `cache.capture: "${path}" must be complete, got some of its blocks.`, {
    hint: "Go on with limbeck capture, without cache.capture.",
  });
}

async function lacking(
  captures: readonly CaptureFolder[],
  documents: readonly TransferDocument[],
): Promise<readonly TransferDocument[]> {
  const open = await OpenCaptures.open(captures);
  try {
    return documents.filter((document) => !open.has(document));
  } finally {
    await open.close();
  }
}

function lacksRows(path: string, missing: number, documents: number): LimbeckError {
  return new LimbeckError(
    "CACHE",
    `cache.capture: "${path}" must hold the run's ${documents} documents, got ${missing} that it lacks.`,
    { hint: "Use the rows and the data section that it was captured with, or leave out cache.capture." },
  );
}
