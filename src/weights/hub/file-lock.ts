/** @file One process at a time: a lock file that its owner keeps fresh, so that one left behind by a crash is taken over. */

import { mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const freshenEveryMs = 2000;
const staleAfterMs = 15_000;
const lookEveryMs = 200;
const owner = `${hostname()} ${process.pid}`;

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once where another process has the lock. */
  readonly onWait?: (() => void) | undefined;
}

/**
 * Runs `work` while no other process that uses the same lock file does.
 *
 * Two processes that find a stale lock in the same instant can both get it; what they do must survive that.
 */
export async function withFileLock<Result>(
  path: string,
  work: () => Promise<Result>,
  { signal, onWait }: LockOptions = {},
): Promise<Result> {
  await mkdir(dirname(path), { recursive: true });
  for (let hasWaited = false; !(await tryLock(path)); hasWaited = true) {
    if (!hasWaited) onWait?.();
    await sleep(lookEveryMs, undefined, { signal });
  }
  return holdLock(path, work);
}

/**
 * {@link withFileLock} that does not wait.
 *
 * @returns whether the work was done: false where another process has the lock.
 */
export async function tryFileLock(path: string, work: () => Promise<void>): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true });
  // The first look may only clear away what a crash left behind.
  if (!(await tryLock(path)) && !(await tryLock(path))) return false;
  await holdLock(path, work);
  return true;
}

async function holdLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  const freshen = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, freshenEveryMs);
  try {
    return await work();
  } finally {
    clearInterval(freshen);
    await rm(path, { force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    await writeFile(path, owner, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (await isLeftBehind(path)) await rm(path, { force: true });
    return false;
  }
}

/** Whether the owner was a process of this machine that is gone, or one anywhere that keeps nothing fresh. */
async function isLeftBehind(path: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path);
    const [host, processId] = (await readFile(path, "utf8")).split(" ");
    return Date.now() - mtimeMs > staleAfterMs || (host === hostname() && !isRunning(Number(processId)));
  } catch {
    return false; // it went away just now
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
