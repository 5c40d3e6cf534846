/**
 * @file Files and folders that appear complete or not at all: written under a temporary name beside the target, flushed to
 * the disk, then renamed. Whatever stood at the target is untouched until then.
 */

import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { LimbeckError } from "../errors.js";

/** What {@link writeFolderAtomically} may do to a folder that is already there. */
export interface FolderWriteOptions {
  /** Puts the new folder in the place of the old one, which is then deleted. Without it an occupied path is an error. */
  readonly replace?: boolean;
}

/**
 * Writes a file so that `path` holds either all of it or what it held before. Parent folders are made.
 *
 * @param write - fills the open, empty file; its errors remove the temporary file and reach the caller.
 * @throws LimbeckError `FILE` with path and cause when the system refuses (disk full, no permission).
 */
export async function writeFileAtomically(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const target = resolve(path);
  const temporary = temporaryName(target);
  try {
    await mkdir(dirname(target), { recursive: true });
    const file = await open(temporary, "wx");
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
    await syncFolder(dirname(target));
  } catch (error) {
    await removeQuietly(temporary);
    throw writeError(path, error);
  }
}

/**
 * Writes a folder so that `path` holds either all of it or what it held before. Parent folders are made.
 *
 * A folder that is replaced is renamed aside first, because no system call swaps two folders everywhere: a crash between
 * the two renames leaves the old folder as `.NAME.….old` and the new one, complete, as `.NAME.….tmp`.
 *
 * @param fill - writes into the temporary folder; plain writes will do, everything is flushed afterwards.
 * @throws LimbeckError `FILE` when `path` is occupied and `replace` is not set, or when the system refuses.
 */
export async function writeFolderAtomically(
  path: string,
  fill: (temporaryFolder: string) => Promise<void>,
  { replace = false }: FolderWriteOptions = {},
): Promise<void> {
  const target = resolve(path);
  if (!replace) await expectNewFolder(path);
  const isOccupied = await holdsAnything(target);
  const temporary = temporaryName(target);
  try {
    await mkdir(dirname(target), { recursive: true });
    await mkdir(temporary);
    await fill(temporary);
    await syncTree(temporary);
    if (isOccupied) await swapFolders(temporary, target);
    else await rename(temporary, target);
    await syncFolder(dirname(target));
  } catch (error) {
    await removeQuietly(temporary);
    throw writeError(path, error);
  }
}

/**
 * Refuses a folder that holds anything, before work is done that would be written there.
 *
 * @throws LimbeckError `FILE`.
 */
export async function expectNewFolder(path: string): Promise<void> {
  if (!(await holdsAnything(resolve(path)))) return;
  throw new LimbeckError("FILE", `"${path}": expected a folder that is new or empty, got one that holds files.`, {
    hint: "Choose another folder, or move this one away.",
    details: { path },
  });
}

/** Whether an entry of a folder is an unfinished write that a crash left behind, safe to delete when nobody is writing. */
export function isTemporaryName(name: string): boolean {
  return /^\..+\.[0-9a-f]{8}\.tmp$/.test(name);
}

function temporaryName(target: string): string {
  return join(dirname(target), `.${basename(target)}.${randomBytes(4).toString("hex")}.tmp`);
}

async function swapFolders(fresh: string, target: string): Promise<void> {
  const aside = fresh.replace(/tmp$/, "old");
  await rename(target, aside);
  try {
    await rename(fresh, target);
  } catch (error) {
    await rename(aside, target);
    throw error;
  }
  await removeQuietly(aside);
}

async function holdsAnything(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw writeError(folder, error);
  }
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else await syncPath(path);
  }
  await syncFolder(folder);
}

/** Makes renames inside a folder last through a power cut. Windows has no such call for folders. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform !== "win32") await syncPath(folder);
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, process.platform === "win32" ? "r+" : "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Cleaning up must not hide the error that made it necessary. */
async function removeQuietly(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "a full disk",
  EDQUOT: "an exhausted disk quota",
  EFBIG: "a file larger than the system allows",
  EACCES: "no permission to write there",
  EPERM: "no permission to write there",
  EROFS: "a read-only file system",
  ENOTDIR: "a file where a folder should be",
  EISDIR: "a folder where a file should be",
};

/** Names the target the user asked for, also when the failing write was nested inside its temporary folder. */
function writeError(path: string, error: unknown): unknown {
  const cause = error instanceof LimbeckError && error.code === "FILE" ? error.cause : error;
  if (!(cause instanceof Error) || !("syscall" in cause)) return error;
  const { code = "", message } = cause as NodeJS.ErrnoException;
  return new LimbeckError("FILE", `"${path}": could not be written, got ${reasons[code] ?? message} (${code}).`, {
    hint: code === "ENOSPC" || code === "EDQUOT" ? "Free some space, or write to another disk." : "Check the path.",
    details: { path, code },
    cause,
  });
}
