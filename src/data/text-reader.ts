/** @file How a text is read that is put into a class: as tokens or n-grams, cut where there are too many. */

import { createHash } from "node:crypto";
import { DataError } from "../errors.js";
import type { ModelShape } from "../models/architecture.js";
import { type BagOfNGramsShape, bagOfNGramsType } from "../models/bag-of-n-grams.js";
import type { ChatTemplate } from "./chat-template.js";
import { openText } from "./encode-text.js";
import { nGramIds } from "./n-grams.js";
import type { Prompt } from "./prompt.js";
import { placeOf, type SourceRow } from "./source-row.js";
import type { Tokenizer } from "./tokenizer.js";

/** A text as a model is fed it. */
export interface ReadText {
  /** Empty where the text gives nothing to read. */
  readonly ids: Int32Array;
  /** True where the end of the text did not fit. */
  readonly isCut: boolean;
}

export interface TextReader {
  /** Changes with everything that ids follow from. */
  readonly fingerprint: string;
  /** @param row - the row that the text is from, for prompts that show other fields of it. */
  read(text: string, row?: SourceRow): ReadText;
}

/**
 * How a classifier reads texts.
 *
 * @param limit - most ids of a text.
 * @throws DataError where it needs a tokenizer and has none.
 */
export function readerOf(shape: ModelShape, tokenizer: Tokenizer | undefined, limit: number): TextReader {
  if (shape.modelType === bagOfNGramsType) return nGramReader(shape as BagOfNGramsShape, limit);
  if (tokenizer) return tokenReader(tokenizer, limit);
  throw new DataError(
    `data: a model of type "${shape.modelType}" needs a tokenizer to read text, and its folder has none.`,
    {
      hint: "Add the model's tokenizer.json to its folder.",
    },
  );
}

/** Most ids of a text that a classifier reads where nothing else is said: as many as it was trained to, at most what it can. */
export function readingLimit({ classHead, maxPositions }: ModelShape): number {
  return Math.min(maxPositions, classHead?.sequenceLength ?? maxPositions);
}

/** Characters that are tokenized first where a text may be too long: hardly any token is longer on average. */
const charactersPerToken = 16;

/**
 * The text with the tokenizer's special tokens around it, as transformers reads it; a text that is too long loses its end, never
 * the tokens around it.
 *
 * @param limit - most ids of a text.
 */
function tokenReader(tokenizer: Tokenizer, limit: number): TextReader {
  const prefix = tokenizer.prefixIds;
  const suffix = tokenizer.encode("a", { addSpecialTokens: true }).slice(prefix.length + tokenizer.encode("a").length);
  return {
    fingerprint: hashOf(["tokens", tokenizer.fingerprint, prefix, suffix, limit]),
    read(text) {
      const room = Math.max(1, limit - prefix.length - suffix.length);
      const { ids, isCut } = encodeStart(text, tokenizer, room);
      return { ids: Int32Array.from([...prefix, ...ids, ...suffix]), isCut };
    },
  };
}

/** The n-grams of a text, see n-grams.ts. */
function nGramReader(shape: BagOfNGramsShape, limit: number): TextReader {
  const { buckets, wordNGrams, characterNGrams } = shape;
  return {
    fingerprint: hashOf(["n-grams", buckets, wordNGrams, characterNGrams, limit]),
    read: (text) => nGramIds(text, shape, limit),
  };
}

/** What a prompt needs to be read. */
export interface PromptReading {
  readonly prompt: Prompt;
  readonly tokenizer: Tokenizer;
  readonly chatTemplate: ChatTemplate | undefined;
  /** The field of the row that is cut where the prompt is too long. */
  readonly textField: string;
}

/**
 * A prompt that shows the text and ends where its class is to be named. Where it is too long the text in it is cut, not what the
 * prompt says around it.
 *
 * @param fingerprint - of the prompt's own words.
 */
export function promptReader(reading: PromptReading, limit: number, fingerprint: string): TextReader {
  const { prompt, tokenizer, chatTemplate, textField } = reading;
  const encode = (row: SourceRow): number[] => {
    const shown = prompt.render(row);
    const messages = typeof shown === "string" ? [{ role: "user", content: shown }] : shown;
    if (chatTemplate) {
      return tokenizer.encode(chatTemplate.render(messages, { addGenerationPrompt: true, where: placeOf(row) }));
    }
    const text = typeof shown === "string" ? shown : shown.map(({ content }) => String(content)).join("\n");
    return openText(tokenizer.encode(text), tokenizer);
  };
  return {
    fingerprint: hashOf(["prompt", tokenizer.fingerprint, fingerprint, limit]),
    read(text, row = { fields: { [textField]: text }, file: "text", line: 1 }) {
      const withText = (shown: string): number[] => encode({ ...row, fields: { ...row.fields, [textField]: shown } });
      const around = withText("").length;
      let room = Math.max(1, limit - around);
      for (;;) {
        const start = encodeStart(text, tokenizer, room);
        const ids = withText(start.isCut ? tokenizer.decode(start.ids) : text);
        // Words join at the seams, so that what fits is found by trying.
        if (ids.length <= limit || room === 1) return { ids: Int32Array.from(ids), isCut: start.isCut };
        room = Math.max(1, room - (ids.length - limit));
      }
    },
  };
}

/** The first ids of a text, without special tokens. */
function encodeStart(
  text: string,
  tokenizer: Tokenizer,
  room: number,
): { readonly ids: number[]; readonly isCut: boolean } {
  const characters = room * charactersPerToken;
  const start = text.length > characters ? tokenizer.encode(text.slice(0, characters)) : [];
  // The last ids of a cut text may not be those of the whole, so a start must reach well beyond the room.
  const ids = start.length > room + charactersPerToken ? start : tokenizer.encode(text);
  return { ids: ids.slice(0, room), isCut: ids.length > room };
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
