/**
 * @file The folder of a capture: capture.json says what it is, and its blocks lie in files of one or many. A block is written to a
 * file of its own, complete or not at all, and claimed by a lock file while it is made, so that any number of processes may fill
 * one capture and any of them may be killed. Files of one block are joined, in order, as soon as a shard's blocks are all there.
 */

import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { InterruptedError } from "../../errors.js";
import { tryFileLock } from "../../weights/hub/file-lock.js";
import { isTemporaryName, writeFileAtomically } from "../../weights/index.js";
import { type CaptureDescription, captureName, parseDescription } from "./description.js";
import { joinShards, openShard, type Shard, type StoredDocument, writeBlock } from "./shard.js";

/** Blocks that a file holds in the end. */
export const blocksPerShard = 64;

const descriptionFile = "capture.json";
const lookEveryMs = 200;

/** Blocks of one file, by the first and the last. */
interface BlockFile {
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

/** A capture's folder. */
export interface CaptureFolder {
  readonly path: string;
  readonly description: CaptureDescription;
}

/** The captures in a directory, in the order of their names; none where there is no directory. */
export async function listCaptures(directory: string): Promise<readonly CaptureFolder[]> {
  const names = await readdir(directory).catch(() => []);
  const captures = await Promise.all(names.sort().map((name) => readCapture(join(directory, name))));
  return captures.filter((each) => each !== undefined);
}

/**
 * The capture in a folder; undefined where the folder holds none.
 *
 * @throws LimbeckError `CACHE` where its description is damaged.
 */
export async function readCapture(path: string): Promise<CaptureFolder | undefined> {
  const file = join(path, descriptionFile);
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? undefined : { path, description: parseDescription(text, file) };
}

/** Makes the folder of a capture, or finds the one that is there. */
export async function makeCapture(directory: string, description: CaptureDescription): Promise<CaptureFolder> {
  const path = join(directory, captureName(description));
  const known = await readCapture(path);
  if (known) return known;
  const text = `${JSON.stringify(description, null, 2)}\n`;
  await writeFileAtomically(join(path, descriptionFile), (file) => file.writeFile(text));
  return { path, description };
}

/** Numbers of the blocks that are there. */
export async function presentBlocks({ path }: CaptureFolder): Promise<ReadonlySet<number>> {
  return new Set((await blockFiles(path)).flatMap(({ first, last }) => range(first, last)));
}

/** Whether every block is there. */
export async function isComplete(capture: CaptureFolder): Promise<boolean> {
  return (await presentBlocks(capture)).size === capture.description.blocks;
}

/** Opens every file; blocks that lie in two files are read from the larger one. */
export async function openShards(capture: CaptureFolder): Promise<readonly Shard[]> {
  const files = await blockFiles(capture.path);
  const isWithin = (a: BlockFile, b: BlockFile) => a !== b && a.first >= b.first && a.last <= b.last;
  const needed = files.filter((file) => !files.some((other) => isWithin(file, other)));
  return Promise.all(needed.map(({ name }) => openShard(join(capture.path, name), capture.description)));
}

export interface FillOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of blocks that are there, whoever made them. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/**
 * Makes the blocks that are missing and joins their files. Where another process is at a block, this one goes on with the next,
 * and waits at the end; a lock that a killed process left without its name counts as another's until it is no longer fresh.
 *
 * @param make - the documents of a block; the same ones with the same bytes at every call.
 * @throws InterruptedError when the signal is aborted; the blocks made so far stay.
 */
export async function fillCapture(
  capture: CaptureFolder,
  make: (block: number) => Promise<readonly StoredDocument[]>,
  { signal, onProgress = () => {} }: FillOptions = {},
): Promise<void> {
  const { path, description } = capture;
  const shards = range(0, Math.ceil(description.blocks / blocksPerShard) - 1);
  const stopIfAborted = () => {
    if (signal?.aborted) throw new InterruptedError("capture: stopped; what was captured is kept.");
  };
  await removeLeftovers(path);
  for (let waiting = range(0, description.blocks - 1); ; await sleep(lookEveryMs)) {
    const present = await presentBlocks(capture);
    onProgress(present.size);
    waiting = waiting.filter((block) => !present.has(block));
    if (waiting.length === 0) break;
    for (const block of waiting) {
      stopIfAborted();
      await tryFileLock(join(path, `${blockName(block, block)}.lock`), async () => {
        if ((await presentBlocks(capture)).has(block)) return;
        await writeBlock(join(path, fileName(block, block)), description, block, await make(block));
      });
      onProgress((await presentBlocks(capture)).size);
      await joinShard(capture, Math.floor(block / blocksPerShard));
    }
  }
  for (const shard of shards) {
    for (; !(await joinShard(capture, shard)); await sleep(lookEveryMs)) stopIfAborted();
  }
  await removeLeftovers(path);
}

/** Joins the files of a shard whose blocks are all there; false where another process is at it. */
async function joinShard(capture: CaptureFolder, shard: number): Promise<boolean> {
  const { path, description } = capture;
  const first = shard * blocksPerShard;
  const last = Math.min(first + blocksPerShard, description.blocks) - 1;
  const parts = async () =>
    (await blockFiles(path)).filter((file) => file.first >= first && file.last <= last && file.first === file.last);
  const isJoinable = async () => last > first && (await parts()).length > 0 && (await isCovered(path, first, last));
  if (!(await isJoinable())) return true;
  return tryFileLock(join(path, `${blockName(first, last)}.lock`), async () => {
    const files = await parts();
    const isThere = (await blockFiles(path)).some((file) => file.first === first && file.last === last);
    if (!isThere && files.length === last - first + 1) {
      const shards: Shard[] = [];
      try {
        for (const { name } of files) shards.push(await openShard(join(path, name), description));
        await joinShards(join(path, fileName(first, last)), shards);
      } finally {
        await Promise.all(shards.map((each) => each.close()));
      }
    }
    for (const { name } of files) await rm(join(path, name), { force: true });
  });
}

async function isCovered(path: string, first: number, last: number): Promise<boolean> {
  const there = new Set((await blockFiles(path)).flatMap((file) => range(file.first, file.last)));
  return range(first, last).every((block) => there.has(block));
}

/** What killed processes left behind: their locks, and what they had half written, which nobody touches who has no lock. */
async function removeLeftovers(path: string): Promise<void> {
  const names = await readdir(path);
  let isAlone = true;
  for (const name of names.filter((each) => each.endsWith(".lock"))) {
    if (!(await tryFileLock(join(path, name), async () => {}))) isAlone = false;
  }
  if (!isAlone) return;
  for (const name of names.filter(isTemporaryName)) await rm(join(path, name), { force: true });
}

async function blockFiles(path: string): Promise<readonly BlockFile[]> {
  const files: BlockFile[] = [];
  for (const name of (await readdir(path)).sort()) {
    const match = /^blocks-(\d{6})-(\d{6})\.safetensors$/.exec(name);
    if (match) files.push({ name, first: Number(match[1]), last: Number(match[2]) });
  }
  return files;
}

const blockName = (first: number, last: number) => `blocks-${sixDigits(first)}-${sixDigits(last)}`;
const fileName = (first: number, last: number) => `${blockName(first, last)}.safetensors`;
const sixDigits = (value: number) => String(value).padStart(6, "0");

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}
