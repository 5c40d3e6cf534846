/** @file Rows from comma-separated values, streamed. The first line names the fields; every value is a string. */

import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { DataError } from "../errors.js";
import { placeOf, type SourceRow } from "./source-row.js";

/** One row per record; a quoted field may span lines. */
export async function* readCsv(pieces: AsyncIterable<string>, file: string): AsyncGenerator<SourceRow> {
  const parser = parse({ columns: true, info: true, skip_empty_lines: true });
  const source = Readable.from(pieces);
  source.on("error", (error) => parser.destroy(error)).pipe(parser);
  let line = 2;
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: Record<string, string>;
      info: { lines: number };
    }>) {
      yield { fields: record, file, line };
      line = info.lines + 1;
    }
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const place = { file, line: typeof cause.lines === "number" ? cause.lines : line };
    throw new DataError(`data: ${placeOf(place)}: expected comma-separated values, got: ${cause.message}.`, {
      hint: "Quote fields that hold commas, quotes or line breaks, and double the quotes inside them.",
      details: place,
      cause,
    });
  } finally {
    source.destroy();
    parser.destroy();
  }
}
