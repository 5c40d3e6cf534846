/**
 * @file One file from the network, whole and checked, or not there: written beside its place, gone on with after a cut,
 * compared with its checksum, then renamed.
 */

import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { LimbeckError } from "../../errors.js";
import { withFileLock } from "./file-lock.js";
import { RequestFailure, type RequestOptions, request, unanswered } from "./request.js";

/** SHA-256 of the bytes; or git's name of them, SHA-1 of `blob SIZE\0` and the bytes. */
export interface Checksum {
  readonly kind: "sha256" | "git-blob";
  readonly value: string;
}

export interface RemoteFile {
  readonly url: string;
  readonly bytes: number;
  readonly checksum: Checksum;
}

export interface DownloadOptions extends RequestOptions {
  /** How much of the file is here. */
  readonly onBytes?: (bytes: number) => void;
  /** Called once where another process is downloading the same file; this one then waits for it. */
  readonly onWait?: () => void;
}

/** How often the connection may break without anything having arrived since the last time. */
const fruitlessAttempts = 4;
const waitMs = 300;

/**
 * Downloads a file to `path`, unless it is there. What had arrived before a cut, a crash or an abort is kept in
 * `PATH.limbeck-part`, and the next call goes on behind it.
 *
 * @throws RequestFailure when the server refuses, or breaks off again and again.
 * @throws LimbeckError `CHECKSUM` when the file is not what it should be; it is then removed.
 */
export async function downloadFile(path: string, file: RemoteFile, options: DownloadOptions): Promise<void> {
  const { signal, onBytes, onWait } = options;
  const isHere = async (): Promise<boolean> => (await sizeOf(path)) === file.bytes;
  if (await isHere()) onBytes?.(file.bytes);
  else {
    const part = `${path}.limbeck-part`;
    const download = async (): Promise<void> => {
      if (await isHere()) return onBytes?.(file.bytes); // another process was first
      await fill(part, file, options);
      await expectChecksum(part, file);
      await rename(part, path);
    };
    await withFileLock(`${part}.lock`, download, { signal, onWait });
  }
}

/** Writes at explicit places and never shortens a file that grows, so that two writers of the same bytes do no harm. */
async function fill(part: string, file: RemoteFile, options: DownloadOptions): Promise<void> {
  if (((await sizeOf(part)) ?? 0) > file.bytes) await rm(part);
  const handle = await open(part, constants.O_RDWR | constants.O_CREAT);
  try {
    let at = (await handle.stat()).size;
    for (let fruitless = 0; at < file.bytes; ) {
      const start = at;
      const response = await requestFrom(start, file, options);
      try {
        at = await receive(response, handle, file, options);
        if (at < file.bytes) throw new RequestFailure(file.url, `ended after ${at} of ${file.bytes} bytes`);
      } catch (error) {
        options.signal?.throwIfAborted();
        at = (await handle.stat()).size;
        fruitless = at > start ? 0 : fruitless + 1;
        if (!(error instanceof RequestFailure) || fruitless === fruitlessAttempts) throw error;
        await sleep(fruitless * waitMs, undefined, { signal: options.signal });
      }
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function requestFrom(start: number, file: RemoteFile, options: DownloadOptions): Promise<Response> {
  const headers = { ...options.headers, ...(start > 0 && { Range: `bytes=${start}-` }) };
  const response = await request(file.url, { ...options, headers });
  const got = startOf(response);
  if (got === 0 || got === start) return response;
  throw new RequestFailure(file.url, `sent bytes from ${got}, asked for those from ${start}`);
}

/** Where in the file an answer begins: a server that knows no ranges sends it whole. */
function startOf(response: Response): number {
  if (response.status !== 206) return 0;
  return Number(/^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? "")?.[1]);
}

/** @returns how many bytes of the file are there now. */
async function receive(
  response: Response,
  handle: FileHandle,
  file: RemoteFile,
  options: DownloadOptions,
): Promise<number> {
  let at = startOf(response);
  try {
    for await (const piece of response.body ?? []) {
      const wanted = piece.subarray(0, file.bytes - at); // of a file that is longer than announced the checksum is wrong
      await writeAt(handle, wanted, at);
      at += wanted.length;
      options.onBytes?.(at);
      if (at === file.bytes) break;
    }
  } catch (error) {
    throw error instanceof LimbeckError ? error : unanswered(file.url, error);
  }
  return at;
}

/** A full disk is not the network's fault. */
async function writeAt(handle: FileHandle, piece: Uint8Array, at: number): Promise<void> {
  try {
    for (let done = 0; done < piece.length; ) {
      done += (await handle.write(piece, done, piece.length - done, at + done)).bytesWritten;
    }
  } catch (cause) {
    throw new LimbeckError("FILE", `download: the disk must take what arrives, got ${(cause as Error).message}.`, {
      hint: "Free some space, then run it again: it goes on from there.",
      cause,
    });
  }
}

async function expectChecksum(part: string, { url, bytes, checksum }: RemoteFile): Promise<void> {
  const hash = createHash(checksum.kind === "sha256" ? "sha256" : "sha1");
  if (checksum.kind === "git-blob") hash.update(`blob ${bytes}\0`);
  for await (const piece of createReadStream(part, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
  const got = hash.digest("hex");
  if (got === checksum.value) return;
  await rm(part);
  const name = checksum.kind === "sha256" ? "SHA-256" : "git's SHA-1";
  throw new LimbeckError("CHECKSUM", `"${url}": ${name} must be ${checksum.value}, got ${got}; the file was removed.`, {
    hint: "Run it again; if that does not help, something between here and the server changes files.",
    details: { url, expected: checksum.value, got },
  });
}

/** Undefined where there is no such file. */
async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
