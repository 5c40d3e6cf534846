/** @file How files of weights are opened and read: whole, in pieces, or with an error that says why not. */

import { type FileHandle, open } from "node:fs/promises";
import { ModelError } from "../errors.js";

/** One read call takes at most 2 GB. */
const readBytesAtMost = 2 ** 30;

/** Pieces for converting: large enough to hide the cost of a call, small enough to stay in the processor's cache. */
const pieceBytes = 2 ** 20;

/**
 * Opens a file and makes what reads it; the file is closed again where that fails.
 *
 * @param kind - what the file must be, as messages say it.
 * @throws ModelError where there is no such file, or the path is a folder or a device.
 */
export async function openFile<Opened>(
  path: string,
  kind: string,
  make: (handle: FileHandle, bytes: number) => Promise<Opened>,
): Promise<Opened> {
  const handle = await open(path, "r").catch((cause: NodeJS.ErrnoException) => {
    const problem = cause.code === "ENOENT" ? "no such file" : cause.message;
    throw new ModelError(`"${path}": must be a ${kind} file, got ${problem}.`, { cause });
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new ModelError(`"${path}": must be a ${kind} file, got a folder or device.`);
    return await make(handle, stats.size);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * The file's bytes from `start` to `end`, in pieces of whole blocks. A piece is overwritten when the next one is asked for.
 *
 * @throws ModelError as {@link readExactly}.
 */
export async function* readPieces(
  handle: FileHandle,
  { start, end }: { readonly start: number; readonly end: number },
  blockBytes: number,
  path: string,
): AsyncGenerator<Uint8Array> {
  const wholeBlocks = Math.floor(pieceBytes / blockBytes) * blockBytes;
  const buffer = new Uint8Array(Math.min(wholeBlocks, end - start));
  for (let position = start; position < end; position += buffer.length) {
    const piece = buffer.subarray(0, end - position);
    await readExactly(handle, piece, position, path);
    yield piece;
  }
}

/**
 * Fills `target` with the file's bytes from `position` on.
 *
 * @throws ModelError if the file ends before, or the system refuses.
 */
export async function readExactly(
  handle: FileHandle,
  target: Uint8Array,
  position: number,
  path: string,
): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const length = Math.min(readBytesAtMost, target.length - done);
    const { bytesRead } = await handle.read(target, done, length, position + done).catch((cause: Error) => {
      throw new ModelError(`"${path}": bytes at ${position + done} could not be read, got ${cause.message}.`, {
        cause,
      });
    });
    if (bytesRead === 0) {
      throw new ModelError(`"${path}": must have a byte at ${position + done}, got the end of the file.`, {
        hint: "The file became shorter while it was read: keep it unchanged.",
      });
    }
    done += bytesRead;
  }
}
