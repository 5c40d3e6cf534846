/** @file Where a student could start, side by side on a sample of held-out rows: before training, so that a bad start is seen at once. */

import type { LoadedData } from "../data/index.js";
import { InterruptedError } from "../errors.js";
import { measureStart, type StartMeasure } from "../evaluate/measure-start.js";
import { packBatches } from "../evaluate/score-batches.js";
import { countParameters } from "../models/architecture.js";
import { chooseParts, type SliceOptions } from "../students/choose-parts.js";
import { drawWeights } from "../students/fresh-student.js";
import { llamaShapeOf } from "../students/slice-model.js";
import { rememberSignals } from "../teachers/remember-signals.js";
import { widestBatch } from "../training/train-student.js";
import { compileTeacher } from "./compile-teacher.js";
import type { OpenedStudent, OpenedTeacher } from "./open-models.js";
import type { LanguageModelConfig } from "./registry.js";
import {
  type CalibrationOptions,
  importanceOf,
  openSlice,
  sampleDocuments,
  sliceOptionsOf,
} from "./student-from-teacher.js";

/** Held-out tokens that every start is measured on. */
export const startSampleTokens = 1024;

/** One place to start from. */
export interface StartRow extends StartMeasure {
  readonly name: string;
  /** Whether it is the config's own. */
  readonly isChosen: boolean;
  readonly parameters: number;
  /** Of the weights in float32. */
  readonly bytes: number;
}

/**
 * Measures the config's student beside its alternatives: the same sizes with layers chosen the other way, and with random weights.
 *
 * @param student - settled or not; opened with `from: teacher`.
 */
export async function compareStarts(
  config: Pick<LanguageModelConfig, "student" | "data" | "training">,
  { teacher, student, data }: { teacher: OpenedTeacher; student: OpenedStudent; data: LoadedData },
  { threads, signal }: Pick<CalibrationOptions, "threads" | "signal">,
): Promise<readonly StartRow[]> {
  const { sequenceLength } = config.data;
  const sample = sampleDocuments(data.heldOut, startSampleTokens);
  if (sample.length === 0) return [];
  const batches = packBatches(sample, { sequenceLength, batchTokens: 512 });
  const positionCount = widestBatch(sample, sequenceLength);
  const localTeacher = await compileTeacher(teacher, { positionCount, threads });
  const options = { positionCount, threads, signal, teacher: rememberSignals(localTeacher) };
  const rows: StartRow[] = [];
  try {
    for (const { name, isChosen, opened } of await startsOf(config, teacher, student, data, {
      sequenceLength,
      threads,
      signal,
    })) {
      if (signal?.aborted) throw new InterruptedError("check: stopped.");
      const parameters = countParameters(opened.model.architecture.parameters(opened.model.shape));
      const { measure } = await measureStart(await opened.start(), batches, options);
      rows.push({ name, isChosen, parameters, bytes: 4 * parameters, ...measure });
    }
    return rows;
  } finally {
    await localTeacher.dispose();
  }
}

interface Start {
  readonly name: string;
  readonly isChosen: boolean;
  readonly opened: Pick<OpenedStudent, "model" | "start">;
}

async function startsOf(
  config: Pick<LanguageModelConfig, "student" | "training">,
  teacher: OpenedTeacher,
  student: OpenedStudent,
  { train }: LoadedData,
  calibration: CalibrationOptions,
): Promise<readonly Start[]> {
  const slice = sliceOptionsOf(config.student);
  const fresh: Start = {
    name: "random weights",
    isChosen: false,
    opened: { model: student.model, start: async () => drawWeights(student.model, config.training.seed) },
  };
  if (!slice) return [{ name: "the whole teacher", isChosen: true, opened: student }, fresh];
  const shape = llamaShapeOf(teacher.model);
  const importance = await importanceOf(teacher, train, calibration);
  const count = typeof slice.layers === "number" ? slice.layers : slice.layers?.length;
  const starts: Start[] = [];
  const seen = new Set<string>();
  const add = (name: string, options: SliceOptions, isChosen: boolean) => {
    const parts = chooseParts(shape, options, importance);
    const key = JSON.stringify(parts);
    if (!seen.has(key)) starts.push({ name, isChosen, opened: openSlice(teacher, parts) });
    seen.add(key);
  };
  const names = { evenly: "layers evenly spaced", importance: "layers by importance" } as const;
  const cut = count === undefined || count === shape.layers ? "all layers" : undefined;
  add(
    cut ?? (typeof slice.layers === "number" ? names[slice.chooseLayers ?? "evenly"] : "layers as listed"),
    slice,
    true,
  );
  for (const choice of ["evenly", "importance"] as const) {
    if (cut === undefined) add(names[choice], { ...slice, layers: count, chooseLayers: choice }, false);
  }
  return [...starts, fresh];
}
