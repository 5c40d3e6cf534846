/** @file Checkpoints: weights and both moments exactly as they are, and the step they belong to. A folder is complete or not there. */

import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LimbeckError, ModelError } from "../errors.js";
import { isTemporaryName, openSafetensors, writeFolderAtomically, writeSafetensors } from "../weights/index.js";
import type { OptimizedParameter } from "./adamw.js";

/** What a checkpoint says of itself. */
export interface CheckpointState {
  readonly limbeckCheckpoint: 1;
  /** Optimizer steps done; the data that follows is a function of this number and the run's seed. */
  readonly step: number;
  readonly seed: number;
}

const stateFileName = "state.json";
const files = {
  weights: "weights.safetensors",
  firstMoment: "first-moments.safetensors",
  secondMoment: "second-moments.safetensors",
} as const;
/** Weights of a teacher that follows the student, by the names of the student's. */
const teacherFile = "teacher.safetensors";

function folderOf(directory: string, step: number): string {
  return join(directory, `step-${String(step).padStart(6, "0")}`);
}

/**
 * Writes `step-000100/` and then deletes older checkpoints.
 *
 * @param teacher - weights of a teacher that moves; undefined where none does.
 * @throws LimbeckError `FILE` where the disk is full or refuses; the older checkpoint is still there.
 */
export async function writeCheckpoint(
  directory: string,
  state: CheckpointState,
  parameters: readonly OptimizedParameter[],
  teacher?: ReadonlyMap<string, Float32Array>,
): Promise<string> {
  const path = folderOf(directory, state.step);
  await writeFolderAtomically(
    path,
    async (folder) => {
      for (const part of ["weights", "firstMoment", "secondMoment"] as const) {
        const tensors = parameters.map((each) => ({ name: each.name, shape: [each[part].length], data: each[part] }));
        await writeSafetensors(join(folder, files[part]), tensors);
      }
      if (teacher) {
        const tensors = parameters
          .filter(({ name }) => teacher.has(name))
          .map(({ name }) => ({ name, data: teacher.get(name)! }));
        await writeSafetensors(
          join(folder, teacherFile),
          tensors.map((each) => ({ ...each, shape: [each.data.length] })),
        );
      }
      await writeFile(join(folder, stateFileName), `${JSON.stringify(state, null, 2)}\n`);
    },
    { replace: true },
  );
  for (const step of await listCheckpoints(directory)) {
    if (step !== state.step) await rm(folderOf(directory, step), { recursive: true, force: true });
  }
  return path;
}

/** Deletes what a crash left behind: unfinished writes, and folders moved aside whose successors are done again. */
export async function removeLeftovers(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names.filter((each) => isTemporaryName(each.replace(/old$/, "tmp")))) {
    await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** Steps of the complete checkpoints in a folder, ascending. */
export async function listCheckpoints(directory: string): Promise<readonly number[]> {
  const names = await readdir(directory).catch(() => []);
  const steps = names.flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  return steps.sort((a, b) => a - b);
}

/** Reads the newest checkpoint into the parameters, and into a teacher that moves; undefined where there is none. */
export async function readCheckpoint(
  directory: string,
  parameters: readonly OptimizedParameter[],
  teacher?: ReadonlyMap<string, Float32Array>,
): Promise<CheckpointState | undefined> {
  const step = (await listCheckpoints(directory)).at(-1);
  if (step === undefined) return undefined;
  const path = folderOf(directory, step);
  const state = await readState(join(path, stateFileName));
  const read = async (file: string, arrays: readonly (readonly [string, Float32Array])[]) => {
    await using opened = await openSafetensors(join(path, file));
    for (const [name, array] of arrays) {
      const values = opened.has(name) ? await opened.readFloat32(name) : undefined;
      if (values?.length !== array.length) {
        throw new ModelError(
          `checkpoint "${path}": "${name}" must have ${array.length} values, got ${values?.length ?? 0}.`,
          { hint: "Resume with the student that the run was started with." },
        );
      }
      array.set(values);
    }
  };
  for (const part of ["weights", "firstMoment", "secondMoment"] as const) {
    await read(
      files[part],
      parameters.map((each) => [each.name, each[part]]),
    );
  }
  if (teacher) {
    await read(
      teacherFile,
      parameters.filter(({ name }) => teacher.has(name)).map(({ name }) => [name, teacher.get(name)!]),
    );
  }
  return state;
}

async function readState(path: string): Promise<CheckpointState> {
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new LimbeckError("FILE", `"${path}": expected a checkpoint's state, got ${cause.message}.`, { cause });
  });
  return JSON.parse(text) as CheckpointState;
}
