/** @file Conversations as a model reads them: which text is given and which is the assistant's to learn. */

import { readFile } from "node:fs/promises";
import { DataError, show } from "../errors.js";
import { parseTemplate } from "./template.js";
import type { Tokenizer } from "./tokenizer.js";

/** One message of a conversation; templates may use further fields (`tool_calls`, `name`, …). */
export interface Message {
  readonly role: string;
  readonly content: unknown;
  readonly [field: string]: unknown;
}

/** Text that is given, and the text that answers it: an assistant's turn with what closes it. */
export interface Turn {
  readonly prompt: string;
  readonly response: string;
  /** Length of the part of `response` that is the message itself, without what closes it; undefined when it cannot be found. */
  readonly contentEnd: number | undefined;
}

/** A model's chat format. */
export interface ChatTemplate {
  /** The text of messages; with `addGenerationPrompt` followed by what opens the assistant's next turn. `where` begins the messages of errors. */
  render(
    messages: readonly Message[],
    options: { readonly addGenerationPrompt: boolean; readonly where: string },
  ): string;
}

/**
 * The chat template that a config's `template` asks for.
 *
 * @param choice - "auto": the tokenizer's own, where it has one; "none"; or a file.
 * @throws DataError when the file is missing or is not a template.
 */
export async function loadChatTemplate(
  choice: string,
  tokenizer: Tokenizer | undefined,
): Promise<ChatTemplate | undefined> {
  if (choice === "none" || tokenizer === undefined) return undefined;
  if (choice !== "auto") {
    const source = await readFile(choice, "utf8").catch((cause: unknown) => {
      throw new DataError(`data: chat template "${choice}" cannot be read.`, {
        hint: 'Give data.template a Jinja file, "auto" or "none".',
        cause,
      });
    });
    return makeChatTemplate(source, tokenizer.specialTokens, `chat template "${choice}"`);
  }
  return tokenizer.chatTemplate === undefined
    ? undefined
    : makeChatTemplate(tokenizer.chatTemplate, tokenizer.specialTokens);
}

/** A chat template from its Jinja source; `specialTokens` (`bos_token`, `eos_token`, …) are variables in it. */
export function makeChatTemplate(
  source: string,
  specialTokens: Readonly<Record<string, string>> = {},
  name = "the chat template",
): ChatTemplate {
  const template = parseTemplate(source, name);
  return {
    render: (messages, { addGenerationPrompt, where }) =>
      template.render({ ...specialTokens, messages, add_generation_prompt: addGenerationPrompt }, where),
  };
}

/**
 * Splits a conversation into documents of turns, one turn per assistant message.
 *
 * As at inference, a turn's prompt is the conversation so far with the opening of the assistant's turn, and its response is
 * what the template writes next. Normally each turn continues the one before, and the conversation is one document. Some
 * templates rewrite earlier turns (Qwen3 drops their reasoning): then every turn is a document of its own, with its whole prompt.
 *
 * @returns documents, each a list of turns; none when there is no assistant message.
 * @throws DataError when the template does not continue its own generation prompt.
 */
export function splitConversation(template: ChatTemplate, messages: readonly Message[], where: string): Turn[][] {
  const turns: Turn[] = [];
  let isOneText = true;
  let before = "";
  for (const [index, message] of messages.entries()) {
    if (message.role !== "assistant") continue;
    const turn = renderTurn(template, messages.slice(0, index), message, where);
    isOneText &&= turn.prompt.startsWith(before);
    before = turn.prompt + turn.response;
    turns.push(turn);
  }
  if (!isOneText) return turns.map((turn) => [turn]);
  if (turns.length === 0) return [];
  let end = 0;
  const joined = turns.map((turn) => {
    const prompt = turn.prompt.slice(end);
    end = turn.prompt.length + turn.response.length;
    return { ...turn, prompt };
  });
  return [joined];
}

/**
 * One assistant message after the messages before it.
 *
 * @throws DataError when the template does not continue its own generation prompt.
 */
export function renderTurn(template: ChatTemplate, before: readonly Message[], answer: Message, where: string): Turn {
  const prompt = template.render(before, { addGenerationPrompt: true, where });
  const whole = template.render([...before, answer], { addGenerationPrompt: false, where });
  if (!whole.startsWith(prompt)) {
    const same = commonLength(prompt, whole);
    throw new DataError(
      `data: ${where}: the chat template must begin an assistant's turn with its generation prompt; ` +
        `expected ${show(prompt.slice(same))}, got ${show(whole.slice(same))}.`,
      { hint: "Set data.template to a template whose assistant turns begin with its generation prompt." },
    );
  }
  const response = whole.slice(prompt.length);
  return { prompt, response, contentEnd: findContentEnd(response, answer.content) };
}

function findContentEnd(response: string, content: unknown): number | undefined {
  const text = typeof content === "string" ? content.trim() : "";
  const start = text === "" ? -1 : response.lastIndexOf(text);
  return start < 0 ? undefined : start + text.length;
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
