/** @file What one side sees of a row before the response, as token ids: what a model is given to go on from. */

import type { ChatTemplate } from "./chat-template.js";
import { missingTemplate } from "./encode-rows.js";
import { openText } from "./encode-text.js";
import type { Prompt } from "./prompt.js";
import { placeOf, type SourceRow } from "./source-row.js";
import type { Tokenizer } from "./tokenizer.js";

/**
 * Encodes a side's prompt of every row: with a chat template, messages (a string is one of the user's) and the opening of the
 * assistant's turn; without one, the text behind the tokenizer's beginning token.
 *
 * @returns per row its ids, the same that `encodeRows` puts before the row's response.
 * @throws DataError where a row lacks a field, or messages have no chat template.
 */
export async function encodePrompts(
  rows: readonly SourceRow[],
  prompt: Prompt,
  { tokenizer, chatTemplate }: { readonly tokenizer: Tokenizer; readonly chatTemplate: ChatTemplate | undefined },
): Promise<number[][]> {
  const texts = rows.map((row) => {
    const rendered = prompt.render(row);
    if (!chatTemplate) {
      if (typeof rendered !== "string") throw missingTemplate(placeOf(row), "a prompt of messages");
      return rendered;
    }
    const messages = typeof rendered === "string" ? [{ role: "user", content: rendered }] : rendered;
    return chatTemplate.render(messages, { addGenerationPrompt: true, where: placeOf(row) });
  });
  const encoded = await tokenizer.encodeBatch(texts);
  return chatTemplate ? encoded : encoded.map((ids) => openText(ids, tokenizer));
}
