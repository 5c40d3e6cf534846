/** @file Rows from JSON lines (streamed) and from a JSON array (read whole). */

import { DataError, show } from "../errors.js";
import { findJsonFault } from "./json-fault.js";
import { joinText, splitLines } from "./read-text.js";
import { placeOf, type SourceRow } from "./source-row.js";

/** One row per line; blank lines are skipped. */
export async function* readJsonLines(pieces: AsyncIterable<string>, file: string): AsyncGenerator<SourceRow> {
  let line = 0;
  for await (const text of splitLines(pieces)) {
    line++;
    if (text.trim() === "") continue;
    yield { fields: toFields(parse(text, file, line), { file, line }), file, line };
  }
}

/** One row per object of the array. */
export async function* readJsonArray(pieces: AsyncIterable<string>, file: string): AsyncGenerator<SourceRow> {
  const text = await joinText(pieces);
  const rows = parse(text, file, 1);
  if (!Array.isArray(rows)) {
    throw new DataError(`data: "${file}" must hold an array of objects, got ${describe(rows)}.`, {
      hint: 'Write the rows as [{…}, {…}], or name the file ".jsonl" with one object per line.',
    });
  }
  for (const [index, row] of rows.entries()) {
    yield { fields: toFields(row, { file, line: index + 1 }), file, line: index + 1 };
  }
}

function parse(text: string, file: string, firstLine: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const before = text.slice(0, Math.max(0, findJsonFault(text))).split("\n");
    const line = firstLine + before.length - 1;
    const column = before.at(-1)!.length + 1;
    const faulty = text.split("\n", before.length).at(-1)!;
    throw new DataError(`data: ${placeOf({ file, line })}, column ${column}: expected JSON, got ${show(faulty)}.`, {
      hint: "Correct or remove this line.",
      details: { file, line, column },
      cause,
    });
  }
}

function toFields(value: unknown, place: { file: string; line: number }): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new DataError(`data: ${placeOf(place)}: a row must be an object, got ${describe(value)}.`, {
    hint: 'Write each row as an object, for instance {"text": "…"}.',
    details: place,
  });
}

function describe(value: unknown): string {
  return Array.isArray(value) ? "an array" : value === null ? "null" : `${typeof value} ${show(value)}`;
}
