/** @file Whether a run's folder can be written: new or empty, on a disk with room for the run. */

import { readdir, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { LimbeckError } from "../errors.js";
import { countParameters } from "../models/index.js";
import type { OpenedStudent } from "../recipes/open-models.js";
import { formatBytes } from "../report/format.js";

/** The output is new or empty, and its disk has room for three checkpoints. */
export async function expectRoom(output: string, student: OpenedStudent | undefined): Promise<void> {
  const names = await readdir(output).catch(() => []);
  if (names.length > 0) {
    throw new LimbeckError(
      "OCCUPIED",
      `output: "${output}" must be new or empty, got a folder that holds "${names[0]}".`,
      {
        hint: "Go on with --resume, or choose another folder with --output.",
      },
    );
  }
  if (student === undefined) return;
  const { architecture, shape } = student.model;
  const parameters = countParameters(architecture.parameters(shape));
  const needed = 4 * (parameters + 8 * (student.trainedParameters ?? parameters));
  const disk = await statfs(await nearestFolder(resolve(output)));
  const free = disk.bavail * disk.bsize;
  if (free < needed) {
    throw new LimbeckError(
      "DISK",
      `output: "${output}" needs about ${formatBytes(needed)}, got ${formatBytes(free)} free.`,
      {
        hint: "Free some space, or choose another folder with --output.",
      },
    );
  }
}

async function nearestFolder(path: string): Promise<string> {
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    const isThere = await readdir(folder).then(
      () => true,
      () => false,
    );
    if (isThere) return folder;
  }
  return "/";
}
