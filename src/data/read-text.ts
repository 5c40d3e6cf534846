/** @file Reads a file, a gzipped file or a stream as UTF-8 text, in pieces or by lines. */

import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { DataError } from "../errors.js";

/** Streams a file as text; a name that ends in `.gz` is unpacked. */
export async function* readText(file: string): AsyncGenerator<string> {
  const bytes = createReadStream(file);
  const unpacked = file.endsWith(".gz") ? createGunzip() : undefined;
  if (unpacked) bytes.on("error", (error) => unpacked.destroy(error)).pipe(unpacked);
  try {
    yield* decodeText(unpacked ?? bytes, file);
  } finally {
    bytes.destroy();
  }
}

/**
 * Decodes a stream of bytes as UTF-8, whole characters only. A byte order mark is dropped.
 *
 * @throws DataError when the stream fails, is cut off or is not UTF-8.
 */
export async function* decodeText(bytes: Readable, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const chunk of bytes) yield decoder.decode(chunk as Buffer, { stream: true });
    yield decoder.decode();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/\.$/, "") : String(cause);
    throw new DataError(`data: "${name}" cannot be read: ${reason}.`, {
      hint: "Check that it is readable, complete and UTF-8.",
      cause,
    });
  }
}

/** The whole of a streamed text. */
export async function joinText(pieces: AsyncIterable<string>): Promise<string> {
  const all: string[] = [];
  for await (const piece of pieces) all.push(piece);
  return all.join("");
}

/**
 * Splits streamed text at line feeds only: node:readline also splits at U+2028, which JSON strings may hold.
 * A carriage return before the line feed is dropped.
 */
export async function* splitLines(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let started: string[] = []; // pieces of a line whose end has not come yet
  for await (const piece of pieces) {
    let from = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", from)) {
      const line = started.join("") + piece.slice(from, end);
      started = [];
      from = end + 1;
      yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
    if (from < piece.length) started.push(piece.slice(from));
  }
  if (started.length > 0) yield started.join("");
}
