/** @file What a writer will write, and how long it will take: told from one batch of its responses. */

import type { Tokenizer } from "../data/index.js";
import { makeTokenGenerator, mostSequences, type WrittenResponse, writeResponses } from "../generation/index.js";
import { findStopTokens } from "../generation/stop-tokens.js";
import type { GenerationOptions } from "./generation-options.js";
import type { OpenedTeacher } from "./open-models.js";
import { timed } from "./time-batches.js";

export interface SamplerOptions {
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
}

/** A writer that imagines most of its responses. */
export interface WritingSampler {
  /** A response to every prompt and sample: some are written, the others are like those. */
  respond(prompts: readonly (readonly number[])[]): Promise<readonly WrittenResponse[]>;
  /** Of all responses asked for so far. */
  time(): WritingTime;
}

export interface WritingTime {
  /** That writing all of them would take. */
  readonly seconds: number;
  /** That writing some of them took. */
  readonly spent: number;
}

/** A writer that writes one batch when it is first asked. */
export function makeWritingSampler(
  writer: OpenedTeacher,
  tokenizer: Tokenizer,
  { samples, ...sampling }: GenerationOptions,
  { threads, signal }: SamplerOptions,
): WritingSampler {
  let written: readonly WrittenResponse[] | undefined;
  let [once, perResponse, responses, spent] = [0, 0, 0, 0];

  const write = async (prompts: readonly (readonly number[])[]): Promise<readonly WrittenResponse[]> => {
    const model = await writer.load();
    const stopTokens = await findStopTokens(model, tokenizer);
    const count = Math.min(mostSequences, prompts.length);
    const spread = Array.from({ length: count }, (_, i) => prompts[Math.floor((i * prompts.length) / count)]!);
    const generator = await makeTokenGenerator(model, { threads });
    const batch = async (chosen: typeof prompts, maxTokens: number) => {
      const options = { ...sampling, samples: 1, maxTokens, stopTokens, signal };
      const responses: WrittenResponse[] = [];
      for await (const response of writeResponses(generator, model, chosen, options)) responses.push(response);
      return responses;
    };
    try {
      [once] = await timed(() => batch(spread.slice(0, 1), 2));
      const [seconds, all] = await timed(() => batch(spread, sampling.maxTokens));
      perResponse = seconds / count;
      spent = once + seconds;
      return all;
    } finally {
      await generator.dispose();
    }
  };
  return {
    async respond(prompts) {
      if (prompts.length === 0) return [];
      written ??= await write(prompts);
      responses += prompts.length * samples;
      return Array.from({ length: prompts.length * samples }, (_, i) => {
        return { ...written![i % written!.length]!, prompt: Math.floor(i / samples), sample: i % samples };
      });
    },
    time: () => ({ seconds: once + perResponse * responses, spent }),
  };
}
