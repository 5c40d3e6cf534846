/** @file Text in, pieces of text out: a prompt continued, or a conversation answered. */

import { type ChatTemplate, loadChatTemplate, type Message } from "../data/chat-template.js";
import { openText } from "../data/encode-text.js";
import type { Tokenizer } from "../data/tokenizer.js";
import { DataError } from "../errors.js";
import type { LoadedModel } from "../weights/load-model.js";
import type { Sampling } from "./sampling.js";
import { findStopTokens } from "./stop-tokens.js";
import { makeTextStream } from "./text-stream.js";
import type { FinishReason, TokenGenerator } from "./token-generator.js";

/** What to generate; exactly one of `prompt` and `messages`. */
export interface GenerateRequest extends Sampling {
  /** A text to go on with. */
  readonly prompt?: string;
  /** A conversation to answer, in the format of the model's chat template. */
  readonly messages?: readonly Message[];
  /** Most tokens generated; 256 unless given. */
  readonly maxTokens?: number;
  /** Ids of tokens that end the text besides the model's own end tokens. */
  readonly stopTokens?: readonly number[];
}

export interface GenerateResult {
  /** Without the stop token, and without special tokens. */
  readonly text: string;
  /** All that was generated, the stop token included. */
  readonly tokens: readonly { readonly id: number; readonly text: string; readonly logProb: number }[];
  readonly finishReason: FinishReason;
  readonly promptTokens: number;
}

/** A model that writes. */
export interface TextGenerator {
  /** Whether it answers conversations. */
  readonly hasChatTemplate: boolean;
  /** Yields the text in pieces as they become certain, and returns the whole. Calls may overlap. */
  generate(request: GenerateRequest, signal?: AbortSignal): AsyncGenerator<string, GenerateResult>;
}

/** Puts a tokenizer around a generator of tokens, which is made when the first text is asked for. */
export async function makeTextGenerator(
  model: LoadedModel,
  tokenizer: Tokenizer,
  tokens: () => Promise<TokenGenerator>,
): Promise<TextGenerator> {
  const template = await loadChatTemplate("auto", tokenizer);
  const stopTokens = await findStopTokens(model, tokenizer);
  return {
    hasChatTemplate: template !== undefined,
    async *generate({ prompt, messages, ...options }, signal) {
      const ids = encodePrompt({ prompt, messages }, tokenizer, template);
      const stream = makeTextStream(tokenizer);
      const generated: { id: number; text: string; logProb: number }[] = [];
      let text = "";
      let finishReason: FinishReason = "length";
      const settings = { ...options, stopTokens: [...stopTokens, ...(options.stopTokens ?? [])], signal };
      for await (const token of (await tokens()).generate([ids], settings)) {
        const { id, logProb } = token;
        generated.push({ id, text: tokenizer.tokenText(id) ?? "", logProb });
        finishReason = token.finishReason ?? finishReason;
        const piece = token.finishReason === "stop" || tokenizer.isSpecial(id) ? "" : stream.push(id);
        text += piece;
        if (piece !== "") yield piece;
      }
      const rest = stream.end();
      if (rest !== "") yield rest;
      return { text: text + rest, tokens: generated, finishReason, promptTokens: ids.length };
    },
  };
}

function encodePrompt(
  { prompt, messages }: { readonly prompt: string | undefined; readonly messages: readonly Message[] | undefined },
  tokenizer: Tokenizer,
  template: ChatTemplate | undefined,
): number[] {
  if ((prompt === undefined) === (messages === undefined)) {
    throw new DataError(`generate: expected a prompt or messages, got ${prompt === undefined ? "neither" : "both"}.`);
  }
  if (messages === undefined) return openText(tokenizer.encode(prompt!), tokenizer);
  if (!template) {
    throw new DataError("generate: the model must have a chat template to answer messages, got none.", {
      hint: "Give a prompt instead, which the model continues.",
    });
  }
  return tokenizer.encode(template.render(messages, { addGenerationPrompt: true, where: "generate" }));
}
