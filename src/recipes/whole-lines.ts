/** @file A file that is written line by line, as it is found again: what a crash left of a last line is removed. */

import { mkdir, readFile, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { LimbeckError } from "../errors.js";

/** The whole lines of a file, none where there is no file; its folder is made, and a last line that was cut short is removed from it. */
export async function readWholeLines(file: string): Promise<readonly string[]> {
  await mkdir(dirname(file), { recursive: true });
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw new LimbeckError("FILE", `"${file}" cannot be read: ${error.message}.`, { cause: error });
  });
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) await truncate(file, Buffer.byteLength(whole));
  return whole.split("\n").slice(0, -1);
}
