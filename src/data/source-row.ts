/** @file A row of data with the place it came from, and how that place is written in messages. */

/** Where a row comes from. */
export interface RowPlace {
  readonly file: string;
  /** Line on which the row starts, from 1; for a row of a JSON array its number in the array, from 1. */
  readonly line: number;
}

/** One row as read, before anything is known about its kind. */
export interface SourceRow extends RowPlace {
  readonly fields: Readonly<Record<string, unknown>>;
  /** How much the row counts, and the field that says so; once where left out. */
  readonly weight?: { readonly field: string; readonly value: number };
}

/** `file:line`, as every message about a row begins. */
export function placeOf(row: RowPlace): string {
  return `${row.file}:${row.line}`;
}
