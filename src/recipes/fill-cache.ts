/** @file The cache of a run's teacher: which captures fit, and one more of what they lack. */

import { join } from "node:path";
import type { TransferDocument } from "../data/transfer-set.js";
import { LimbeckError } from "../errors.js";
import { temperaturesOf } from "../losses/objective.js";
import {
  type CacheOptions,
  type CaptureDescription,
  type CaptureFolder,
  describeDifferences,
  describeDocuments,
  differencesOf,
  distinctDocuments,
  isComplete,
  listCaptures,
  makeCapture,
  planBlocks,
  presentBlocks,
  readCapture,
  type Stored,
} from "../signals/cache/index.js";
import { OpenCaptures } from "../teachers/cached-teacher.js";
import { captureSignals } from "../teachers/capture-signals.js";
import { makeLocalTeacher } from "../teachers/local-teacher.js";
import { teacherPrefix } from "../teachers/shared-prefix.js";
import { makeSparseTeacher } from "../teachers/sparse-teacher.js";
import { packageVersion } from "../version.js";
import { askedDocuments } from "./asked-documents.js";
import type { OpenedTeacher } from "./open-models.js";
import type { RecipeContext } from "./recipe.js";
import type { CommonConfig, RunParts } from "./run-parts.js";

/** A run's parts, of a recipe that has a teacher. */
type TaughtParts = RunParts & { readonly teacher: OpenedTeacher };

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
  const { teacher } = parts;
  const { wanted, documents, captures, missing } = await findCaptures(cache, parts);
  const { teacher: described, stored } = wanted;
  if (missing.length === 0) {
    const names = captures.map(({ path }) => `"${path}"`).join(", ");
    emit({ type: "phase", phase: "teacher", message: `the teacher is not run: its signals are in ${names}` });
    return { captures, asked: 0 };
  }
  if (cache.capture !== undefined) throw lacksRows(cache.capture, missing.length, documents.length);
  const description: CaptureDescription = {
    limbeckCapture: 1,
    teacher: described,
    data: describeDocuments(missing),
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

interface FoundCaptures {
  readonly wanted: Wanted;
  readonly captures: readonly CaptureFolder[];
  /** The run's, each once; and those of them that no capture holds. */
  readonly documents: readonly TransferDocument[];
  readonly missing: readonly TransferDocument[];
}

/** What a cache holds of a run's rows before anything is asked. */
async function findCaptures(cache: CacheOptions, parts: TaughtParts): Promise<FoundCaptures> {
  const { teacher, data } = parts;
  const described = {
    name: teacher.name,
    fingerprint: teacher.model.fingerprint,
    precision: teacher.precision,
    tokenizer: teacher.tokenizer?.fingerprint ?? null,
  };
  const wanted = { teacher: described, stored: storedOf(cache, parts) };
  const documents = distinctDocuments([...data.train, ...data.heldOut]);
  const captures =
    cache.capture === undefined ? await fitting(cache.directory, wanted) : [await openNamed(cache.capture, wanted)];
  return { wanted, captures, documents, missing: await lacking(captures, documents) };
}

/** Documents about which a run will ask its teacher before it starts: those that its cache lacks. */
export async function documentsToAsk(
  config: Pick<CommonConfig, "data" | "training" | "cache">,
  parts: RunParts,
): Promise<readonly TransferDocument[]> {
  const { teacher, data } = parts;
  if (!config.cache || !teacher) return [];
  const asked = { ...parts, teacher, data: { ...data, train: askedDocuments(data.train, config) } };
  return (await findCaptures(config.cache, asked)).missing;
}

/** What a run asks a capture to hold. */
export function storedOf({ store }: CacheOptions, { teacher, student, objective }: TaughtParts): Stored {
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
