/** @file What a file of rows holds. */

import { readRows } from "../data/read-rows.js";
import { typeRow } from "../data/row-kind.js";
import type { SourceRow } from "../data/source-row.js";
import { DataError } from "../errors.js";
import type { Inspection } from "./inspection.js";
import { oneLine } from "./terminal.js";

const kindNames = {
  text: "{text}",
  prompt: "{prompt, response}",
  messages: "{messages}",
  tokenIds: "{tokenIds}",
  other: "of other fields, for the prompts of the context recipe",
} as const;

/** Reads the file to its end: a line that is not a row is an error with its number. */
export async function inspectData(path: string): Promise<Inspection> {
  const kinds = new Map<keyof typeof kindNames, number>();
  const fields = new Set<string>();
  let first: SourceRow | undefined;
  let rows = 0;
  for await (const row of readRows(path)) {
    first ??= row;
    rows++;
    for (const field of Object.keys(row.fields)) fields.add(field);
    const kind = kindOf(row);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return {
    kind: "data",
    facts: [
      ["rows", rows.toLocaleString("en-US")],
      ...[...kinds].map(([kind, count]) => [`  ${count.toLocaleString("en-US")}`, kindNames[kind]] as const),
      ["fields", [...fields].join(", ")],
      ...(first === undefined ? [] : [["first row", oneLine(JSON.stringify(first.fields), 300)] as const]),
    ],
    data: { rows, kinds: Object.fromEntries(kinds), fields: [...fields], firstRow: first?.fields ?? null },
  };
}

function kindOf(row: SourceRow): keyof typeof kindNames {
  try {
    return typeRow(row, undefined).kind;
  } catch (error) {
    if (error instanceof DataError) return "other";
    throw error;
  }
}
