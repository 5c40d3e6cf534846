/** @file Reads a piece of an open file whole, or says why not. */

import type { FileHandle } from "node:fs/promises";
import { ModelError } from "../errors.js";

/** One read call takes at most 2 GB. */
const readBytesAtMost = 2 ** 30;

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
