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

function folderOf(directory: string, step: number): string {
  return join(directory, `step-${String(step).padStart(6, "0")}`);
}

/**
 * Writes `step-000100/` and then deletes older checkpoints.
 *
 * @throws LimbeckError `FILE` where the disk is full or refuses; the older checkpoint is still there.
 */
export async function writeCheckpoint(
  directory: string,
  state: CheckpointState,
  parameters: readonly OptimizedParameter[],
): Promise<string> {
  const path = folderOf(directory, state.step);
  await writeFolderAtomically(
    path,
    async (folder) => {
      for (const part of ["weights", "firstMoment", "secondMoment"] as const) {
        const tensors = parameters.map((each) => ({ name: each.name, shape: [each[part].length], data: each[part] }));
        await writeSafetensors(join(folder, files[part]), tensors);
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

/** Reads the newest checkpoint into the parameters; undefined where there is none. */
export async function readCheckpoint(
  directory: string,
  parameters: readonly OptimizedParameter[],
): Promise<CheckpointState | undefined> {
  const step = (await listCheckpoints(directory)).at(-1);
  if (step === undefined) return undefined;
  const path = folderOf(directory, step);
  const state = await readState(join(path, stateFileName));
  for (const part of ["weights", "firstMoment", "secondMoment"] as const) {
    await using file = await openSafetensors(join(path, files[part]));
    for (const parameter of parameters) {
      const values = file.has(parameter.name) ? await file.readFloat32(parameter.name) : undefined;
      if (values?.length !== parameter[part].length) {
        throw new ModelError(
          `checkpoint "${path}": "${parameter.name}" must have ${parameter[part].length} values, got ${values?.length ?? 0}.`,
          { hint: "Resume with the student that the run was started with." },
        );
      }
      parameter[part].set(values);
    }
  }
  return state;
}

async function readState(path: string): Promise<CheckpointState> {
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new LimbeckError("FILE", `"${path}": expected a checkpoint's state, got ${cause.message}.`, { cause });
  });
  return JSON.parse(text) as CheckpointState;
}
