/** @file What one side sees before the response: a template over the row's fields, as the `context` recipe's `prompt` gives it. */

import { z } from "zod";
import { DataError, show } from "../errors.js";
import type { Message } from "./chat-template.js";
import { placeOf, type SourceRow } from "./source-row.js";
import { parseTemplate, type Template } from "./template.js";

/** Strict schema of a side's `prompt`. */
export const promptOptionsSchema = z
  .union([
    z.string(),
    z.strictObject({ messages: z.array(z.strictObject({ role: z.string().min(1), content: z.string() })).min(1) }),
  ])
  .describe(
    "Jinja template over the row's fields: a string, or messages with templates in their contents. A final line break is kept.",
  );

/** A side's `prompt` in a validated config. */
export type PromptOptions = z.infer<typeof promptOptionsSchema>;

/** A prompt that is ready to be filled. */
export interface Prompt {
  /** Text, or messages for the chat template. @throws DataError when the row lacks a field. */
  render(row: SourceRow): string | readonly Message[];
}

/** Parses a prompt; `name` ("teacher.prompt") is what messages call it. */
export function makePrompt(options: PromptOptions, name: string): Prompt {
  const parse = (source: string): Template => parseTemplate(source, name, { keepsFinalNewline: true });
  if (typeof options === "string") {
    const template = parse(options);
    return { render: (row) => fill(template, row, name) };
  }
  const messages = options.messages.map(({ role, content }) => ({ role, template: parse(content) }));
  return {
    render: (row) => messages.map(({ role, template }) => ({ role, content: fill(template, row, name) })),
  };
}

function fill(template: Template, row: SourceRow, name: string): string {
  for (const field of template.requiredNames) {
    if (Object.hasOwn(row.fields, field)) continue;
    throw new DataError(
      `data: ${placeOf(row)}: ${name} uses the field "${field}", which the row does not have; it has ${show(Object.keys(row.fields))}.`,
      { hint: `Correct the field's name in ${name}, or add the field to the row.` },
    );
  }
  return template.render(row.fields, placeOf(row));
}
