/** @file A student as commands name it: a run, the student inside one, or a model; and the held-out rows that go with it. */

import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { loadConfig } from "../config/load-config.js";
import { type DataOptions, dataOptionsSchema, type LoadedData, type TransferDocument } from "../data/index.js";
import { DataError } from "../errors.js";
import { isWritten, readContextData } from "../recipes/open-context-data.js";
import { openData, type RowReader, type SidePrompts } from "../recipes/open-data.js";
import type { TeachersOptions } from "../recipes/open-models.js";
import type { RunEvent } from "../recipes/recipe.js";
import { hasClassifiers, type LanguageModelConfig } from "../recipes/registry.js";

/** Where a student and its rows come from. */
export interface StudentSource {
  /** A folder, a `.gguf` file, or a model on the hub. */
  readonly student: string;
  /** The run that it belongs to. */
  readonly run?: { readonly path: string; readonly config: LanguageModelConfig } | undefined;
  readonly data: DataOptions;
  /** Whether the rows are those that `data` holds out, or all of its training rows. */
  readonly isHeldOut: boolean;
  readonly prompts?: SidePrompts | undefined;
}

/** The folder of a run's student, inside the run's folder. */
export const studentFolder = "student";

const namedRows = { hint: "Name a file with --data." };

/**
 * @param data - a file of rows, which takes the place of the run's held-out rows.
 * @throws DataError where neither names rows.
 */
export async function findStudent(command: string, path: string, data: string | undefined): Promise<StudentSource> {
  const run = await findRun(path);
  const named = data === undefined ? undefined : dataOptionsSchema.parse({ train: data, heldOutFraction: 0 });
  if (run === undefined) {
    if (named !== undefined) return { student: path, data: named, isHeldOut: false };
    throw new DataError(`${command}: "${path}" is no run, so that rows must be named, got none.`, namedRows);
  }
  const { config } = run;
  const { heldOut, ...rest } = config.data;
  if (config.recipe === "sequence" && named === undefined) {
    // Its training rows have no responses of their own.
    if (heldOut === undefined) {
      throw new DataError(
        `${command}: the held-out rows of "${run.path}" were written for it, so that others must be named.`,
        namedRows,
      );
    }
    const data = { ...rest, train: heldOut, heldOutFraction: 0 };
    return { student: join(run.path, studentFolder), run, data, isHeldOut: false };
  }
  return {
    student: join(run.path, studentFolder),
    run,
    data: named === undefined ? config.data : { ...rest, train: named.train, heldOutFraction: 0 },
    isHeldOut: named === undefined,
    prompts:
      config.recipe === "context" ? { teacher: config.teacher.prompt, student: config.student.prompt } : undefined,
  };
}

/** The documents to measure on; none is longer than the student was made for. */
export async function openHeldOut(
  { run, data, isHeldOut, prompts }: StudentSource,
  student: RowReader,
  onEvent: (event: RunEvent) => void,
): Promise<{ readonly documents: readonly TransferDocument[]; readonly sequenceLength: number }> {
  const sequenceLength = Math.min(data.sequenceLength, student.model.shape.maxPositions);
  const loaded: LoadedData =
    isHeldOut && run && isWritten(run.config)
      ? await readContextData(run.config, run.path, student)
      : await openData({ ...data, sequenceLength }, student, onEvent, prompts);
  const documents = isHeldOut ? loaded.heldOut : loaded.train;
  if (documents.length > 0) return { documents, sequenceLength };
  throw new DataError("rows: expected some to measure on, got none held out.", namedRows);
}

/** The teacher that a run names, with those that it is mixed with. */
export function teacherOf({ run }: StudentSource): TeachersOptions | undefined {
  if (run?.config.recipe === "weak-to-strong") {
    const { weak } = run.config;
    const model = weak.train === undefined ? weak.model : join(run.path, "weak", studentFolder);
    return model === undefined ? undefined : { model, precision: "float32" };
  }
  return run && "teacher" in run.config ? run.config.teacher : undefined;
}

/** The run in a folder; undefined where there is none. */
export async function findRun(path: string): Promise<StudentSource["run"]> {
  const whole = resolve(path);
  const candidates = [path, ...(basename(whole) === studentFolder ? [dirname(path)] : [])];
  for (const candidate of candidates) {
    const file = join(candidate, "config.yaml");
    const isThere = await stat(file).then(
      () => true,
      () => false,
    );
    if (!isThere) continue;
    const config = await loadConfig(file);
    if (!hasClassifiers(config)) return { path: candidate, config };
    throw new DataError(
      `"${candidate}": expected a run of language models, got one whose models put texts into classes.`,
      {
        hint: "Its report.html says how well; limbeck classify asks its student.",
      },
    );
  }
  return undefined;
}
