import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { liveProgramsForTests } from "../runtime/executor.js";
import { type LoadedModel, loadModelFolder } from "../weights/load-model.js";
import { makeTokenGenerator, type TokenGenerator } from "./token-generator.js";
import { type WritingOptions, type WrittenResponse, writeResponses } from "./write-responses.js";

const folder = new URL("../../test/golden/models/llama-gqa-tied/", import.meta.url).pathname;

let model: LoadedModel;
let generator: TokenGenerator;
beforeAll(async () => {
  model = await loadModelFolder(folder);
  generator = await makeTokenGenerator(model, { threads: 1 });
});
afterAll(async () => {
  await generator.dispose();
  expect(liveProgramsForTests()).toBe(0);
});

/** 40 prompts of 4 to 13 tokens that begin alike. */
const prompts = Array.from({ length: 40 }, (_, i) => [
  5,
  6,
  7,
  ...Array.from({ length: 1 + (i % 10) }, (_, j) => (7 * i + j) % 128),
]);
const drawn = { samples: 2, maxTokens: 9, stopTokens: [3, 30, 60, 90], seed: 4, samplingTemperature: 1.2 };

async function write(changes: Partial<WritingOptions> = {}, of: readonly number[][] = prompts) {
  const all: WrittenResponse[] = [];
  for await (const response of writeResponses(generator, model, of, { ...drawn, ...changes })) all.push(response);
  return all;
}

describe("writeResponses", () => {
  it("writes every sample of every prompt once, the shortest prompts first", async () => {
    const all = await write();
    expect(new Set(all.map(({ prompt, sample }) => `${prompt}/${sample}`)).size).toBe(80);
    expect(all).toHaveLength(80);
    const lengths = all.map(({ prompt }) => prompts[prompt]!.length);
    expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
    for (const { ids, finishReason } of all) {
      expect(drawn.stopTokens.includes(ids.at(-1)!)).toBe(finishReason === "stop");
      if (finishReason === "length") expect(ids).toHaveLength(9);
    }
    expect(new Set(all.map(({ finishReason }) => finishReason)).size).toBe(2);
  });

  it("draws other texts for other samples, and the same ones whatever else is written", async () => {
    const all = await write();
    const of = (prompt: number, sample: number) =>
      all.find((each) => each.prompt === prompt && each.sample === sample)!;
    expect(of(7, 0).ids).not.toEqual(of(7, 1).ids);
    const few = await write({ samples: 1 }, prompts.slice(0, 8));
    for (const { prompt, ids } of few) expect(ids).toEqual(of(prompt, 0).ids);
  });

  it("goes on after any number of responses as if it had not been stopped", async () => {
    const all = await write();
    for (const done of [0, 1, 31, 32, 33, 79, 80]) expect(await write({ done })).toEqual(all.slice(done));
  });

  it("reads what all prompts begin with once, to the log-probs of reading each alone", async () => {
    const all = await write({ samples: 1, samplingTemperature: 0 });
    for (const { prompt, ids, logProb } of all.slice(0, 12)) {
      let sum = 0;
      const own: number[] = [];
      const { stopTokens, maxTokens } = drawn;
      for await (const token of generator.generate([prompts[prompt]!], { stopTokens, maxTokens })) {
        sum += token.logProb;
        own.push(token.id);
      }
      expect(ids).toEqual(own);
      expect([logProb]).toBeAllClose([sum], { relative: 0, absolute: 1e-5 });
    }
  });

  it("writes nothing to no prompt, and one response to one", async () => {
    expect(await write({}, [])).toEqual([]);
    expect(await write({ samples: 1 }, [[9]])).toHaveLength(1);
  });

  it("stops between two tokens when its signal is aborted", async () => {
    const stop = new AbortController();
    const writing = (async () => {
      for await (const _ of writeResponses(generator, model, prompts, { ...drawn, signal: stop.signal })) stop.abort();
    })();
    await expect(writing).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  it("refuses a prefix that a prompt does not begin with", async () => {
    const prefix = await generator.readPrefix([5, 6]);
    const run = async () => {
      for await (const _ of generator.generate([[5, 6]], { prefix }));
    };
    await expect(run()).rejects.toMatchObject({
      code: "DATA",
      message: "generate: every prompt must begin with the 2 tokens of the prefix and go on, got one that does not.",
    });
  });
});
