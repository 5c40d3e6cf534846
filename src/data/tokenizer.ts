/** @file A model's tokenizer: text to ids and back, its end token, its chat template and its fingerprint. */

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Tokenizer as Engine } from "@huggingface/tokenizers";
import { ModelError } from "../errors.js";
import { hasGgufTokenizer, isGguf, readGgufTokenizer } from "../weights/index.js";
import { loadNativeEncoder, type NativeEncoder } from "./native-tokenizer.js";
import { fingerprintTokenizer, isScored, type TokenizerDefinition } from "./tokenizer-fingerprint.js";
import { splitAtWords } from "./word-split.js";

/** Text to ids and back. */
export interface Tokenizer {
  /** SHA-256 of vocabulary, merges and added tokens. */
  readonly fingerprint: string;
  /** One more than the largest id. A model's head may be wider. */
  readonly vocabSize: number;
  /** What ends a document: the tokenizer's `eos_token`, else config.json's (the first, where it lists several). */
  readonly endTokenId: number | undefined;
  /** What the tokenizer itself puts before a text: the beginning token, or nothing. */
  readonly prefixIds: readonly number[];
  /** Jinja source of the chat template, where the folder has one. */
  readonly chatTemplate: string | undefined;
  /** The texts of named special tokens (`bos_token`, `eos_token`, …), as templates use them. */
  readonly specialTokens: Readonly<Record<string, string>>;
  /** Ids in text; special tokens that are written in it count as such. `addSpecialTokens` (default false) as the tokenizer's post-processor does. */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): number[];
  /** {@link Tokenizer.encode} for many texts; by the native `tokenizers` package where that is installed. */
  encodeBatch(texts: readonly string[]): Promise<number[][]>;
  /** The text of ids, special tokens included. */
  decode(ids: ArrayLike<number>): string;
  /** The text of one id, or undefined when the tokenizer does not have it. */
  tokenText(id: number): string | undefined;
  /** UTF-8 bytes of the text of ids, for bits per byte. Special tokens are not text. A token that holds a part of a character counts its own bytes. */
  tokenBytes(ids: ArrayLike<number>): number;
  /** True for special tokens: ends of turns and documents, padding and the like. */
  isSpecial(id: number): boolean;
}

/** True when a folder has a tokenizer.json, or a GGUF file a tokenizer. */
export async function hasTokenizer(folder: string): Promise<boolean> {
  if (isGguf(folder)) return hasGgufTokenizer(folder);
  return (await stat(join(folder, "tokenizer.json")).catch(() => undefined))?.isFile() ?? false;
}

/**
 * Loads `tokenizer.json`, `tokenizer_config.json` and `chat_template.jinja`, and from `config.json` the end token where
 * `tokenizer_config.json` has none; or what a GGUF file has in their place.
 *
 * @throws ModelError when tokenizer.json is missing or one of the files is damaged; UnsupportedError for a GGUF file's tokenizer
 *   of a kind that is not read.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const path = join(folder, "tokenizer.json");
  const own = isGguf(folder) ? await readGgufTokenizer(folder) : undefined;
  const read = async (name: string) => (own === undefined ? readIfThere(join(folder, name)) : own.get(name));
  const readObject = async (name: string) => parse((await read(name)) ?? "{}", join(folder, name));
  const json = await read("tokenizer.json");
  if (json === undefined) {
    throw new ModelError(`tokenizer: "${folder}" has no tokenizer.json.`, {
      hint: "Add the model's tokenizer.json, or use rows of tokenIds.",
    });
  }
  const definition = parse(json, path) as unknown as TokenizerDefinition;
  const config = await readObject("tokenizer_config.json");
  const modelConfig = await readObject("config.json");
  const templateFile = await read("chat_template.jinja");
  try {
    return makeTokenizer(definition, {
      config,
      modelConfig,
      chatTemplate: templateFile ?? defaultTemplate(config.chat_template),
      native: await loadNativeEncoder(json),
    });
  } catch (cause) {
    throw new ModelError(`tokenizer: "${path}" cannot be used: ${messageOf(cause)}.`, {
      hint: "Replace it by the tokenizer.json that came with the model.",
      cause,
    });
  }
}

interface Parts {
  readonly config: Readonly<Record<string, unknown>>;
  readonly modelConfig: Readonly<Record<string, unknown>>;
  readonly chatTemplate: string | undefined;
  readonly native: NativeEncoder | undefined;
}

function makeTokenizer(definition: TokenizerDefinition, parts: Parts): Tokenizer {
  const engine = new Engine(splitAtWords(definition), parts.config);
  const texts = tokensById(definition);
  const specialIds = new Set((definition.added_tokens ?? []).filter((token) => token.special).map((token) => token.id));
  const specialTokens = namedTokens(parts.config);
  const encode = (text: string, addSpecialTokens: boolean): number[] => {
    if (text === "" && !addSpecialTokens) return [];
    return engine.encode(text, { add_special_tokens: addSpecialTokens }).ids;
  };
  const endTokenId = engine.token_to_id(specialTokens.eos_token ?? "") ?? firstId(parts.modelConfig.eos_token_id);
  const decode = (ids: ArrayLike<number>, skipSpecial: boolean): string => {
    // A model's head may be wider than the tokenizer: ids beyond it have no text.
    const known = Array.from(ids).filter((id) => texts[id] !== undefined);
    if (known.length === 0) return "";
    return engine.decode(known, { skip_special_tokens: skipSpecial, clean_up_tokenization_spaces: false });
  };
  const isBytes = JSON.stringify(definition.decoder ?? null).includes('"ByteLevel"');
  const added = new Map((definition.added_tokens ?? []).map((token) => [token.id, token.content]));
  const bytesOf = (id: number): number => {
    if (specialIds.has(id)) return 0;
    const addedText = added.get(id);
    // A byte-level token is written with one character per byte.
    return addedText === undefined ? [...(texts[id] ?? "")].length : Buffer.byteLength(addedText);
  };

  return {
    fingerprint: fingerprintTokenizer(definition),
    vocabSize: texts.length,
    endTokenId,
    prefixIds: prefixOf(encode),
    chatTemplate: parts.chatTemplate,
    specialTokens,
    encode: (text, options = {}) => encode(text, options.addSpecialTokens ?? false),
    encodeBatch: async (all) => (await parts.native?.(all)) ?? all.map((text) => encode(text, false)),
    decode: (ids) => decode(ids, false),
    tokenText(id) {
      const text = texts[id];
      if (text === undefined) return undefined;
      if (added.has(id)) return text;
      return isBytes ? decode([id], false) : text.replaceAll("▁", " ");
    },
    tokenBytes(ids) {
      if (!isBytes) return Buffer.byteLength(decode(ids, true));
      let bytes = 0;
      for (let i = 0; i < ids.length; i++) bytes += bytesOf(ids[i]!);
      return bytes;
    },
    isSpecial: (id) => specialIds.has(id) || id === endTokenId,
  };
}

/** What the post-processor puts before a text; what it puts after is the end token's business. */
function prefixOf(encode: (text: string, addSpecialTokens: boolean) => number[]): number[] {
  const plain = encode("a", false).join();
  const whole = encode("a", true);
  const length = whole.findIndex((_, at) => whole.slice(at, at + plain.split(",").length).join() === plain);
  return whole.slice(0, Math.max(0, length));
}

function tokensById(definition: TokenizerDefinition): string[] {
  const { vocab } = definition.model;
  const texts: string[] = isScored(vocab) ? vocab.map(([token]) => token) : [];
  if (!isScored(vocab)) for (const [token, id] of Object.entries(vocab)) texts[id] = token;
  for (const { id, content } of definition.added_tokens ?? []) texts[id] = content;
  return texts;
}

/** `bos_token` and its like, each a string or an object with the string as `content`. */
function namedTokens(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const named: Record<string, string> = {};
  for (const [key, value] of Object.entries(config)) {
    if (!key.endsWith("_token")) continue;
    const text = typeof value === "object" && value !== null ? (value as { content?: unknown }).content : value;
    if (typeof text === "string") named[key] = text;
  }
  return named;
}

function firstId(value: unknown): number | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return Number.isInteger(first) ? (first as number) : undefined;
}

/** A chat template is a string, or a list of named ones of which "default" is used. */
function defaultTemplate(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return undefined;
  return (value as { name?: unknown; template?: string }[]).find((entry) => entry.name === "default")?.template;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ENOENT") return undefined;
    throw new ModelError(`tokenizer: "${path}" cannot be read: ${messageOf(cause)}.`, { cause });
  }
}

function parse(text: string, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new Error("it holds no object");
  } catch (cause) {
    throw new ModelError(`tokenizer: "${path}" must be a JSON object: ${messageOf(cause)}.`, {
      hint: "Replace it by the file that came with the model; a Git LFS pointer is not the file.",
      cause,
    });
  }
}

function messageOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "");
}
