/** @file What kinds of rows there are, and which kind a row is. */

import { DataError, show } from "../errors.js";
import type { Message } from "./chat-template.js";
import { placeOf, type SourceRow } from "./source-row.js";

/** A row whose fields have been checked. */
export type TypedRow =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "prompt"; readonly prompt: string; readonly response: string }
  | { readonly kind: "messages"; readonly messages: readonly Message[] }
  | { readonly kind: "tokenIds"; readonly ids: Int32Array; readonly responseMask: Uint8Array };

const kinds: readonly (readonly [TypedRow["kind"], readonly string[]])[] = [
  ["text", ["text"]],
  ["prompt", ["prompt", "response"]],
  ["messages", ["messages"]],
  ["tokenIds", ["tokenIds"]],
];

const accepted = "{text}, {prompt, response}, {messages} or {tokenIds, responseMask?}";

/**
 * Tells a row's kind by its fields; fields that belong to no kind are ignored.
 *
 * @param vocabSize - what ids must be below; unchecked when undefined.
 * @throws DataError when the fields fit no kind or several, or hold the wrong values.
 */
export function typeRow(row: SourceRow, vocabSize: number | undefined): TypedRow {
  const found = kinds.filter(([, fields]) => fields.every((field) => Object.hasOwn(row.fields, field)));
  const [kind] = found;
  if (kind === undefined || found.length > 1) {
    throw new DataError(
      `data: ${placeOf(row)}: a row must be ${kind ? "one of" : ""} ${accepted}, got the fields ${show(Object.keys(row.fields))}.`.replace(
        "  ",
        " ",
      ),
      { hint: kind ? "Keep the fields of one kind only." : "Rename the row's fields." },
    );
  }
  switch (kind[0]) {
    case "text":
      return { kind: "text", text: stringField(row, "text") };
    case "prompt":
      return { kind: "prompt", prompt: stringField(row, "prompt"), response: stringField(row, "response") };
    case "messages":
      return { kind: "messages", messages: messagesOf(row) };
    case "tokenIds":
      return tokenIdsOf(row, vocabSize);
  }
}

/** A field that must be a string. */
export function stringField(row: SourceRow, field: string): string {
  const value = row.fields[field];
  if (typeof value === "string") return value;
  throw wrongField(row, field, "a string", value);
}

function messagesOf(row: SourceRow): readonly Message[] {
  const messages = row.fields.messages;
  if (!Array.isArray(messages)) throw wrongField(row, "messages", "a list of {role, content}", messages);
  for (const [index, message] of messages.entries()) {
    const role = (message as { role?: unknown } | null)?.role;
    if (typeof role !== "string") throw wrongField(row, `messages[${index}]`, "{role, content}", message);
  }
  return messages as Message[];
}

function tokenIdsOf(row: SourceRow, vocabSize: number | undefined): TypedRow {
  const { tokenIds, responseMask } = row.fields;
  if (!Array.isArray(tokenIds)) throw wrongField(row, "tokenIds", "a list of token ids", tokenIds);
  const ids = new Int32Array(tokenIds.length);
  const limit = vocabSize ?? 2 ** 31;
  for (const [index, id] of (tokenIds as unknown[]).entries()) {
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= limit) {
      throw wrongField(row, `tokenIds[${index}]`, `an integer from 0 to ${limit - 1}`, id);
    }
    ids[index] = id as number;
  }
  return { kind: "tokenIds", ids, responseMask: maskOf(row, responseMask, ids.length) };
}

/** The mask as given, or all ones; the first token has nothing to be predicted from. */
function maskOf(row: SourceRow, responseMask: unknown, length: number): Uint8Array {
  const mask = new Uint8Array(length).fill(1);
  if (responseMask !== undefined) {
    if (!Array.isArray(responseMask) || responseMask.length !== length) {
      const got = Array.isArray(responseMask) ? `${responseMask.length} values` : show(responseMask);
      throw new DataError(
        `data: ${placeOf(row)}: "responseMask" must have one value per token id (${length}), got ${got}.`,
        {
          hint: "Give every token id a 1 (learned) or a 0.",
        },
      );
    }
    for (const [index, value] of (responseMask as unknown[]).entries()) {
      if (value !== 0 && value !== 1) throw wrongField(row, `responseMask[${index}]`, "0 or 1", value);
      mask[index] = value;
    }
  }
  mask[0] = 0;
  return mask;
}

function wrongField(row: SourceRow, field: string, expected: string, got: unknown): DataError {
  return new DataError(`data: ${placeOf(row)}: "${field}" must be ${expected}, got ${show(got)}.`, {
    hint: `Correct "${field}" in this row.`,
  });
}
