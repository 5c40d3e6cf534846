/** @file What is generated has the log-probs that scoring it in one pass gives, for every architecture and unequal prompts. */

import { readdirSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { score } from "../../src/evaluate/score.js";
import { makeDecoder } from "../../src/generation/decoder.js";
import {
  type GeneratedToken,
  makeTokenGenerator,
  type TokenGenerator,
  type TokenOptions,
} from "../../src/generation/token-generator.js";
import { liveProgramsForTests } from "../../src/runtime/executor.js";
import { loadModelFolder } from "../../src/weights/load-model.js";

const folder = new URL("../golden/models/", import.meta.url).pathname;
const names = readdirSync(folder).filter((name) => !name.includes("."));

afterAll(() => expect(liveProgramsForTests()).toBe(0));

/** Prompts of 1, 5, 20 and 48 tokens: shorter and longer than every window. */
function promptsOf(name: string): number[][] {
  const { inputIds } = JSON.parse(readFileSync(`${folder}${name}.json`, "utf8")) as { inputIds: number[][] };
  const [first, second] = inputIds as [number[], number[]];
  return [first.slice(0, 1), second.slice(0, 5), first.slice(0, 20), second.slice(0, 48)];
}

/** What is generated, per prompt. */
async function collect(generator: TokenGenerator, prompts: readonly number[][], options: TokenOptions) {
  const texts: GeneratedToken[][] = prompts.map(() => []);
  for await (const token of generator.generate(prompts, options)) texts[token.sequence]!.push(token);
  return texts;
}

const idsOf = (text: readonly GeneratedToken[]) => text.map(({ id }) => id);
const logProbsOf = (text: readonly GeneratedToken[]) => text.map(({ logProb }) => logProb);

describe.each(names)("generating with %s", (name) => {
  it("gives the log-probs of scoring in one pass, in a batch of unequal prompts and alone", async () => {
    const generator = await makeTokenGenerator(await loadModelFolder(`${folder}${name}`), { threads: 1 });
    const prompts = promptsOf(name);
    const options = { maxTokens: 24, samplingTemperature: 1, seed: 7 };
    const together = await collect(generator, prompts, options);
    for (const [i, prompt] of prompts.entries()) {
      const ids = idsOf(together[i]!);
      expect(ids).toHaveLength(24);
      const { tokens } = await score(`${folder}${name}`, { ids: [...prompt, ...ids], topK: 1 }, { threads: 1 });
      const scored = tokens.slice(prompt.length).map(({ logProb }) => logProb!);
      expect(logProbsOf(together[i]!)).toBeAllClose(scored, { relative: 0, absolute: 1e-4 });
    }
    const greedy = await collect(generator, prompts, { maxTokens: 12 });
    for (const [i, prompt] of prompts.entries()) {
      const [alone] = await collect(generator, [prompt], { maxTokens: 12 });
      expect(idsOf(alone!)).toEqual(idsOf(greedy[i]!));
      expect(logProbsOf(alone!)).toBeAllClose(logProbsOf(greedy[i]!), { relative: 0, absolute: 1e-5 });
    }
    await generator.dispose();
  });
});

describe("a decoder", () => {
  it("goes on from a beginning that was read once and is shared", async () => {
    const name = "qwen3-sliding-window";
    const decoder = await makeDecoder(await loadModelFolder(`${folder}${name}`), { threads: 1 });
    const [, , beginning, long] = promptsOf(name) as [number[], number[], number[], number[]];
    const ends = [long.slice(0, 3), long.slice(3, 20), long.slice(20, 21)];
    const shared = decoder.makeCache(1);
    await decoder.read(shared, [beginning]);
    shared.keep([0, 0, 0]);
    const outputs = await decoder.read(shared, ends);
    for (const [i, end] of ends.entries()) {
      const [whole] = await decoder.read(decoder.makeCache(1), [[...beginning, ...end]]);
      expect(outputs[i]!.logits).toBeAllClose(whole!.logits, { relative: 0, absolute: 1e-5 });
    }
    await decoder.dispose();
  });
});
