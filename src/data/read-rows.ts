/** @file Rows from files, globs and standard input, streamed: the format follows from the file's name. */

import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { glob, isDynamicPattern } from "tinyglobby";
import { DataError } from "../errors.js";
import { readCsv } from "./read-csv.js";
import { readJsonArray, readJsonLines } from "./read-json.js";
import { decodeText, joinText, readText } from "./read-text.js";
import type { SourceRow } from "./source-row.js";

type Reader = (pieces: AsyncIterable<string>, file: string) => AsyncIterable<SourceRow>;

const readers: Readonly<Record<string, Reader>> = {
  ".jsonl": readJsonLines,
  ".json": readJsonArray,
  ".csv": readCsv,
  ".txt": readWholeText,
  ".md": readWholeText,
};

/**
 * Reads rows in the order of the sources; the files of a glob in the order of their names.
 *
 * JSON lines and CSV are streamed, so a file may be larger than memory. `.txt` and `.md` files are one `{text}` row each.
 *
 * @param sources - files, globs, or "-" for JSON lines on standard input.
 * @param options.standardInput - what "-" reads; the process's own unless given.
 * @throws DataError for a file that is missing, empty, malformed (with line and column) or of an unknown format, and for
 *   a glob that matches nothing.
 */
export async function* readRows(
  sources: string | readonly string[],
  options: { readonly standardInput?: Readable } = {},
): AsyncGenerator<SourceRow> {
  for (const source of typeof sources === "string" ? [sources] : sources) {
    if (source === "-") {
      const pieces = decodeText(options.standardInput ?? process.stdin, "standard input");
      yield* requireRows(readJsonLines(pieces, "standard input"), "standard input");
      continue;
    }
    for (const file of await findFiles(source)) yield* requireRows(readerOf(file)(readText(file), file), file);
  }
}

async function findFiles(source: string): Promise<string[]> {
  const found = await stat(source).catch(() => undefined);
  if (found?.isFile()) return [source];
  if (found) {
    throw new DataError(`data: "${source}" must be a file or a glob, got a directory.`, {
      hint: `Name its files, for instance "${source.replace(/\/$/, "")}/*.jsonl".`,
    });
  }
  if (!isDynamicPattern(source)) {
    throw new DataError(`data: file "${source}" does not exist.`, {
      hint: "Check the path; it is relative to the working directory.",
    });
  }
  const files = await glob(source, { expandDirectories: false });
  if (files.length === 0) {
    throw new DataError(`data: no file matches "${source}".`, {
      hint: "Check the pattern; it is relative to the working directory.",
    });
  }
  return files.sort();
}

function readerOf(file: string): Reader {
  const name = file.replace(/\.gz$/, "").toLowerCase();
  const reader = Object.entries(readers).find(([ending]) => name.endsWith(ending))?.[1];
  if (reader) return reader;
  throw new DataError(
    `data: the format of "${file}" is unknown; expected ${Object.keys(readers).join(", ")}, or one of these with .gz.`,
    {
      hint: "Rename the file by its format.",
    },
  );
}

async function* readWholeText(pieces: AsyncIterable<string>, file: string): AsyncGenerator<SourceRow> {
  const text = await joinText(pieces);
  if (text.trim() !== "") yield { fields: { text }, file, line: 1 };
}

async function* requireRows(rows: AsyncIterable<SourceRow>, file: string): AsyncGenerator<SourceRow> {
  let isEmpty = true;
  for await (const row of rows) {
    isEmpty = false;
    yield row;
  }
  if (isEmpty) {
    throw new DataError(`data: "${file}" holds no rows.`, {
      hint: "Point data.train and data.heldOut at files with rows.",
    });
  }
}
