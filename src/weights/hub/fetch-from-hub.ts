/** @file A model from the hub on this machine: found in the cache, or downloaded into it. */

import { mkdir, readFile, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { LimbeckError } from "../../errors.js";
import { downloadFile } from "./download-file.js";
import { findCached, linkIntoSnapshot, repositoryFolder, writeRef } from "./hub-cache.js";
import { hubError, notCached } from "./hub-errors.js";
import { chooseFiles, type HubFile, type HubListing, hubHeaders, listHubFiles } from "./hub-files.js";
import type { HubSettings } from "./hub-settings.js";
import { type LocateOptions, progressOf } from "./locate-options.js";
import { formatHubName, type HubName, isCommit } from "./model-name.js";
import { RequestFailure } from "./request.js";

/** Files downloaded at once. */
const parallelDownloads = 4;

/**
 * Makes a model's files be in the cache.
 *
 * A branch or tag is looked up on the hub; where that cannot be reached, the revision that is cached does. A commit that
 * is cached needs no network.
 *
 * @returns the snapshot's folder, or the path of the `.gguf` file that was named.
 */
export async function fetchFromHub(name: HubName, settings: HubSettings, options: LocateOptions): Promise<string> {
  const { need = "model", offline = settings.isOffline, signal, onEvent } = options;
  const cached = await findCached(settings.cacheFolder, name, need);
  if (offline) {
    if (cached !== undefined) return cached.path;
    throw await notCached(name, "limbeck is offline (HF_HUB_OFFLINE)", settings);
  }
  if (cached !== undefined && isCommit(name.revision)) return cached.path;
  try {
    const listing = await listHubFiles(name, settings, signal);
    return await download(name, listing, settings, options);
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof RequestFailure)) throw error;
    if (cached === undefined || !error.isOutage) throw await hubError(name, error, settings);
    onEvent?.({
      type: "warning",
      code: "model-from-cache",
      message: `${error.message}; "${formatHubName(name)}" is used as it was cached, commit ${cached.commit.slice(0, 8)}.`,
    });
    return cached.path;
  }
}

/** Downloads what is missing. The snapshot and the ref appear last, when every file is whole and checked. */
async function download(
  name: HubName,
  { commit, files }: HubListing,
  settings: HubSettings,
  { need = "model", signal, onEvent }: LocateOptions,
): Promise<string> {
  const repository = repositoryFolder(settings.cacheFolder, name.id);
  const blobOf = ({ checksum }: HubFile): string => join(repository, "blobs", checksum.value);
  const linkOf = ({ path }: HubFile): string => join(repository, "snapshots", commit, path);
  const progress = progressOf(`downloading ${formatHubName(name)}`, onEvent);
  const get = async (file: HubFile, signal: AbortSignal | undefined): Promise<void> => {
    const path = file.path.split("/").map(encodeURIComponent).join("/");
    const url = `${settings.endpoint}/${name.id}/resolve/${commit}/${path}`;
    await downloadFile(
      blobOf(file),
      { url, bytes: file.bytes, checksum: file.checksum },
      {
        headers: hubHeaders(settings),
        timeoutMs: settings.timeoutMs,
        signal,
        onBytes: (bytes) => progress.advance(file.path, bytes),
        onWait: () => progress.note(`another process downloads ${file.path}; waiting for it.`),
      },
    );
  };
  const wanted = await chooseFiles(name, files, need, async (index) => {
    await get(index, signal);
    return readFile(blobOf(index), "utf8");
  });
  const missingBlobs = new Map<string, HubFile>(); // two files may be the same blob
  for (const file of wanted) {
    const sizes = await Promise.all([blobOf(file), linkOf(file)].map(sizeOf));
    if (!sizes.includes(file.bytes)) missingBlobs.set(blobOf(file), file);
  }
  const missing = [...missingBlobs.values()];
  if (missing.length > 0) {
    await expectRoom(join(repository, "blobs"), missing);
    progress.begin(missing.reduce((sum, { bytes }) => sum + bytes, 0));
    await inParallel(missing, get, signal);
  }
  for (const file of wanted) await linkIntoSnapshot(blobOf(file), linkOf(file));
  if (!isCommit(name.revision)) await writeRef(repository, name.revision, commit);
  return join(repository, "snapshots", commit, name.file ?? "");
}

/** Does the work on a few items at a time. The first failure stops all, and is thrown when all have stopped. */
async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const failure = new AbortController();
  const either = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
  const queue = [...items];
  const errors: unknown[] = [];
  const takeTurns = async (): Promise<void> => {
    try {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item, either);
    } catch (error) {
      errors.push(error);
      queue.length = 0;
      failure.abort();
    }
  };
  await Promise.all(Array.from({ length: parallelDownloads }, takeTurns));
  if (errors.length > 0) throw errors[0];
}

async function expectRoom(folder: string, files: readonly HubFile[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  const [free, needed] = [bavail * bsize, files.reduce((sum, { bytes }) => sum + bytes, 0)];
  if (free >= needed) return;
  throw new LimbeckError("DISK", `"${folder}": must have room for ${needed} bytes, got ${free} free.`, {
    hint: "Free some space, or set HF_HUB_CACHE to a folder on another disk.",
  });
}

/** Follows links. */
async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
