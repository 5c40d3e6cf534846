/** @file Token ids in, token ids out: batches of unequal prompts, each token with its log-prob as soon as it is chosen. */

import { createRandom } from "../data/random.js";
import { DataError, InterruptedError } from "../errors.js";
import type { CompileOptions } from "../runtime/executor.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { type Decoder, makeDecoder, type NextToken } from "./decoder.js";
import type { KeyValueCache } from "./key-value-cache.js";
import { expectOption, makeChooser, type Sampling } from "./sampling.js";

/** Prompts are read in pieces of so many tokens, which bounds the memory of attention and the wait for a cancellation. */
const promptPiece = 256;

export interface TokenOptions extends Sampling {
  /** Most tokens generated per prompt; 256 unless given. */
  readonly maxTokens?: number;
  /** Tokens that end a text; none unless given. */
  readonly stopTokens?: readonly number[];
  /** What all prompts begin with, read before: see {@link TokenGenerator.readPrefix}. */
  readonly prefix?: PromptPrefix | undefined;
  /** Per prompt the stream of random numbers that it draws from under the seed; its place in the list unless given. */
  readonly streams?: readonly number[] | undefined;
  /** Read between two tokens. */
  readonly signal?: AbortSignal | undefined;
}

/** A beginning that many prompts share, with what attention remembers of it. */
export interface PromptPrefix {
  readonly ids: Int32Array;
  /** Of one sequence. */
  readonly cache: KeyValueCache;
}

/** Why a text ended: by a stop token, or because it reached `maxTokens` or the model's longest sequence. */
export type FinishReason = "stop" | "length";

export interface GeneratedToken {
  /** Index of the prompt that it continues. */
  readonly sequence: number;
  readonly id: number;
  /** Natural logarithm of its probability under the model, over the whole head, before any filter and temperature. */
  readonly logProb: number;
  /** Set on the last token of a text; a stop token is the last one itself. */
  readonly finishReason: FinishReason | undefined;
}

/** A model that generates, compiled once. Calls may overlap. Dispose it: its copy of the weights lies outside JavaScript's memory. */
export interface TokenGenerator {
  /**
   * Continues prompts, all of them in every step. What is chosen for a prompt does not depend on the others beside it, but for
   * rounding.
   *
   * @param prompts - ids, at least one each.
   * @throws DataError for a prompt or an option that cannot be used, `INTERRUPTED` when the signal is aborted.
   */
  generate(prompts: readonly ArrayLike<number>[], options?: TokenOptions): AsyncGenerator<GeneratedToken, void>;
  /**
   * Reads a beginning once, for all prompts that begin with it and go on; texts are the same as without, but for rounding.
   *
   * @param ids - at least one.
   */
  readPrefix(ids: ArrayLike<number>, signal?: AbortSignal): Promise<PromptPrefix>;
  dispose(): Promise<void>;
}

/** Compiles a model for generating. */
export async function makeTokenGenerator(
  model: ModelWithWeights,
  options: CompileOptions = {},
): Promise<TokenGenerator> {
  const decoder = await makeDecoder(model, options);
  return {
    generate: (prompts, tokenOptions = {}) => generate(decoder, prompts, tokenOptions),
    async readPrefix(ids, signal) {
      checkPrompt(ids, decoder);
      const cache = decoder.makeCache(1);
      await readPrompts(decoder, cache, [ids], signal);
      return { ids: Int32Array.from(ids), cache };
    },
    dispose: () => decoder.dispose(),
  };
}

async function* generate(
  decoder: Decoder,
  prompts: readonly ArrayLike<number>[],
  { maxTokens = 256, stopTokens = [], prefix, streams, signal, ...sampling }: TokenOptions,
): AsyncGenerator<GeneratedToken, void> {
  expectOption("maxTokens", maxTokens, "a whole number of at least 1", Number.isInteger(maxTokens) && maxTokens >= 1);
  const choose = makeChooser(sampling);
  for (const prompt of prompts) {
    checkPrompt(prompt, decoder);
    if (prefix) checkPrefix(prompt, prefix);
  }
  const stops = new Set(stopTokens);
  const cache = prefix?.cache.fork(prompts.length) ?? decoder.makeCache(prompts.length);
  const unread = prompts.map((prompt) => Int32Array.from(prompt).subarray(prefix?.ids.length ?? 0));
  const first = await readPrompts(decoder, cache, unread, signal);
  let texts = prompts.map((prompt, sequence) => ({
    sequence,
    // A stream of its own: what is drawn for a prompt is the same in every batch.
    random: createRandom(sampling.seed ?? 0, streams?.[sequence] ?? sequence),
    seen: new Set(Array.from(prompt)),
    tokensLeft: Math.min(maxTokens, decoder.maxTokens - prompt.length),
    next: first[sequence]!,
  }));
  while (texts.length > 0) {
    const goOn: number[] = [];
    const chosen: number[][] = [];
    for (const [row, text] of texts.entries()) {
      const { logits, logNormalizer } = text.next;
      const id = choose(logits, text.seen, text.random);
      text.seen.add(id);
      text.tokensLeft--;
      const finishReason = stops.has(id) ? "stop" : text.tokensLeft === 0 ? "length" : undefined;
      if (finishReason === undefined) {
        goOn.push(row);
        chosen.push([id]);
      }
      yield { sequence: text.sequence, id, logProb: logits[id]! - logNormalizer, finishReason };
    }
    if (goOn.length === 0) return;
    if (goOn.length < texts.length) {
      cache.keep(goOn);
      texts = goOn.map((row) => texts[row]!);
    }
    expectGoingOn(signal);
    const outputs = await decoder.read(cache, chosen);
    for (const [row, text] of texts.entries()) text.next = outputs[row]!;
  }
}

/** What the model says after each prompt, which the cache holds afterwards behind what it held. */
async function readPrompts(
  decoder: Decoder,
  cache: KeyValueCache,
  prompts: readonly ArrayLike<number>[],
  signal: AbortSignal | undefined,
): Promise<readonly NextToken[]> {
  const ids = prompts.map((prompt) => Int32Array.from(prompt));
  const longest = ids.reduce((most, { length }) => Math.max(most, length), 0);
  const after: NextToken[] = [];
  for (let start = 0; start < longest; start += promptPiece) {
    expectGoingOn(signal);
    const outputs = await decoder.read(
      cache,
      ids.map((own) => own.subarray(start, start + promptPiece)),
    );
    for (const [sequence, { length }] of ids.entries()) {
      if (length > start && length <= start + promptPiece) after[sequence] = outputs[sequence]!;
    }
  }
  return after;
}

function checkPrompt(prompt: ArrayLike<number>, { headWidth, maxTokens }: Decoder): void {
  if (prompt.length === 0) throw new DataError("generate: a prompt must have at least one token, got none.");
  if (prompt.length >= maxTokens) {
    throw new DataError(
      `generate: a prompt must have fewer tokens than the ${maxTokens} that the model can read, got ${prompt.length}.`,
      { hint: "Shorten the prompt or the conversation." },
    );
  }
  for (const id of Array.from(prompt)) {
    expectOption(
      "prompt ids",
      id,
      `whole numbers from 0 to ${headWidth - 1}`,
      id >= 0 && id < headWidth && id % 1 === 0,
    );
  }
}

function checkPrefix(prompt: ArrayLike<number>, { ids }: PromptPrefix): void {
  if (prompt.length > ids.length && ids.every((id, i) => prompt[i] === id)) return;
  throw new DataError(
    `generate: every prompt must begin with the ${ids.length} tokens of the prefix and go on, got one that does not.`,
    { hint: "Read the prefix that the prompts share, or give none." },
  );
}

function expectGoingOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError("generate: stopped before the text was finished.");
}
