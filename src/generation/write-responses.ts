/** @file Responses to many prompts: in batches that a machine's memory holds, in an order that never changes, from any place in it. */

import { sharedPrefixLength } from "../data/shared-prefix.js";
import { cacheShapeOf, type ModelDefinition } from "../models/model-graph.js";
import { expectOption, type Sampling } from "./sampling.js";
import type { FinishReason, TokenGenerator } from "./token-generator.js";

/** What attention may remember of a batch, in bytes. A batch that grows is copied, which takes as much again. */
const batchCacheBytes = 2 ** 29;
/** Most that are written at once: more make a step hardly cheaper per token. */
export const mostSequences = 32;
/** Streams of random numbers of one sample, one per prompt. */
const streamsPerSample = 2 ** 20;

export interface WritingOptions extends Omit<Sampling, "seed"> {
  /** Responses to each prompt; above 1 they need a samplingTemperature above 0. */
  readonly samples: number;
  /** Most tokens of one response, its end token included. */
  readonly maxTokens: number;
  readonly stopTokens: readonly number[];
  /** Starts the random numbers; what is drawn depends on it, the prompt's place in the list and the number of the sample alone. */
  readonly seed: number;
  /** Responses that were written before, by the same options on the same prompts: they are not written again. */
  readonly done?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface WrittenResponse {
  /** Place of the prompt in the list. */
  readonly prompt: number;
  /** From 0 to `samples` − 1. */
  readonly sample: number;
  /** With the stop token, where one ended it. */
  readonly ids: readonly number[];
  /** `length`: it was cut, by `maxTokens` or by the model's longest sequence. */
  readonly finishReason: FinishReason;
  /** Σ log-prob of its tokens under the model, before any filter and temperature; natural logarithm. */
  readonly logProb: number;
}

/**
 * Writes `samples` responses to every prompt. Prompts of like lengths are written together, the shortest first; what all prompts
 * begin with is read once. Batches are planned over the whole list, so that a writing that goes on after `done` responses yields
 * to the last bit what it would have yielded without a break.
 *
 * @param model - the one that the generator was made of.
 * @param prompts - ids, at least one each, and fewer than the model's longest sequence.
 * @throws DataError for a prompt or an option that cannot be used, `INTERRUPTED` when the signal is aborted.
 */
export async function* writeResponses(
  generator: TokenGenerator,
  model: ModelDefinition,
  prompts: readonly ArrayLike<number>[],
  { samples, maxTokens, stopTokens, seed, done = 0, signal, ...sampling }: WritingOptions,
): AsyncGenerator<WrittenResponse, void> {
  expectOption("samples", samples, "a whole number of at least 1", Number.isInteger(samples) && samples >= 1);
  const batches = planBatches(model, prompts, samples, maxTokens);
  if (done >= prompts.length * samples) return;
  const shortest = prompts.reduce((least, { length }) => Math.min(least, length), Number.POSITIVE_INFINITY);
  const shared = sharedPrefixLength(prompts, shortest - 1);
  const prefix = shared > 0 ? await generator.readPrefix(Array.from(prompts[0]!).slice(0, shared), signal) : undefined;
  let number = 0;
  for (const batch of batches) {
    const first = number;
    number += batch.length;
    if (number <= done) continue;
    const texts = batch.map((turn) => ({
      ...turn,
      ids: [] as number[],
      logProb: 0,
      finishReason: undefined as FinishReason | undefined,
    }));
    let written = 0;
    const options = { ...sampling, seed, maxTokens, stopTokens, prefix, signal };
    const streams = batch.map(({ prompt, sample }) => sample * streamsPerSample + prompt);
    const tokens = generator.generate(
      batch.map(({ prompt }) => prompts[prompt]!),
      { ...options, streams },
    );
    for await (const { sequence, id, logProb, finishReason } of tokens) {
      const text = texts[sequence]!;
      text.ids.push(id);
      text.logProb += logProb;
      text.finishReason = finishReason;
      for (; written < texts.length; written++) {
        const { finishReason, ...next } = texts[written]!;
        if (finishReason === undefined) break;
        if (first + written >= done) yield { ...next, finishReason };
      }
    }
  }
}

interface Turn {
  readonly prompt: number;
  readonly sample: number;
}

/** All responses to be written, in the order in which they are; as many at once as the cache has room for. */
function planBatches(
  model: ModelDefinition,
  prompts: readonly ArrayLike<number>[],
  samples: number,
  maxTokens: number,
): readonly (readonly Turn[])[] {
  const { layers, keyValueHeads, headDim } = cacheShapeOf(model);
  const bytesPerToken = 2 * layers * keyValueHeads * headDim * Float32Array.BYTES_PER_ELEMENT;
  const order = [...prompts.keys()].sort((a, b) => prompts[a]!.length - prompts[b]!.length || a - b);
  const batches: Turn[][] = [];
  for (const prompt of order) {
    // No prompt of its batch is longer.
    const fitting = Math.floor(batchCacheBytes / (bytesPerToken * (prompts[prompt]!.length + maxTokens)));
    const most = Math.min(mostSequences, Math.max(1, fitting));
    for (let sample = 0; sample < samples; sample++) {
      const batch = batches.at(-1);
      if (batch && batch.length < most) batch.push({ prompt, sample });
      else batches.push([{ prompt, sample }]);
    }
  }
  return batches;
}
