import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { score } from "../evaluate/score.js";
import { liveProgramsForTests } from "../runtime/executor.js";
import { loadModelFolder } from "../weights/load-model.js";
import { type GeneratedToken, makeTokenGenerator, type TokenGenerator, type TokenOptions } from "./token-generator.js";

const folder = new URL("../../test/golden/models/llama-gqa-tied/", import.meta.url).pathname;
const teacher = new URL("../../assets/quickstart/teacher/", import.meta.url).pathname;

let generator: TokenGenerator;
beforeAll(async () => {
  generator = await makeTokenGenerator(await loadModelFolder(folder), { threads: 1 });
});
afterAll(async () => {
  await generator.dispose();
  expect(liveProgramsForTests()).toBe(0);
});

async function collect(prompts: readonly number[][], options: TokenOptions): Promise<GeneratedToken[][]> {
  const texts: GeneratedToken[][] = prompts.map(() => []);
  for await (const token of generator.generate(prompts, options)) texts[token.sequence]!.push(token);
  return texts;
}
const idsOf = (text: readonly GeneratedToken[] | undefined) => text!.map(({ id }) => id);
const prompts = [[5], [9, 8, 7, 6, 5, 4, 3], [11, 12, 13]];
const drawn = { samplingTemperature: 1.5, maxTokens: 20, seed: 3 };

describe("a token generator", () => {
  it("ends each text of a batch at its own stop token, and the others go on as before", async () => {
    const whole = await collect(prompts, drawn);
    expect(whole.map((text) => text.at(-1)!.finishReason)).toEqual(["length", "length", "length"]);
    const stopTokens = [idsOf(whole[0])[4]!, idsOf(whole[2])[9]!];
    const stopped = await collect(prompts, { ...drawn, stopTokens });
    for (const [i, text] of stopped.entries()) {
      const ids = idsOf(whole[i]);
      const end = ids.findIndex((id) => stopTokens.includes(id));
      expect(idsOf(text)).toEqual(end < 0 ? ids : ids.slice(0, end + 1));
      expect(text.at(-1)!.finishReason).toBe(end < 0 ? "length" : "stop");
      expect(text.slice(0, -1).map(({ finishReason }) => finishReason)).toEqual(text.slice(1).map(() => undefined));
    }
    expect(new Set(stopped.map(({ length }) => length)).size).toBeGreaterThan(1);
  });

  it("draws the same text for a seed, whatever stands beside it, and another for another seed", async () => {
    const together = await collect(prompts, drawn);
    expect((await collect(prompts, drawn)).map(idsOf)).toEqual(together.map(idsOf));
    expect(idsOf((await collect([prompts[0]!], drawn))[0])).toEqual(idsOf(together[0]));
    expect(idsOf((await collect([prompts[0]!], { ...drawn, seed: 4 }))[0])).not.toEqual(idsOf(together[0]));
  });

  it("serves overlapping calls as if each were alone", async () => {
    const alone = await collect([prompts[1]!], drawn);
    const overlapping = await Promise.all([collect([prompts[1]!], drawn), collect(prompts, { maxTokens: 9 })]);
    expect(overlapping[0].map(idsOf)).toEqual(alone.map(idsOf));
  });

  it("stops within a token when its signal is aborted", async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    const generating = async () => {
      for await (const { id } of generator.generate([[5]], { ...drawn, signal: stop.signal })) {
        seen.push(id);
        if (seen.length === 4) stop.abort();
      }
    };
    await expect(generating()).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(seen).toHaveLength(4);
  });

  it("ends at the model's longest sequence", async () => {
    const long = Array.from({ length: 120 }, (_, i) => i);
    const [text] = await collect([long], { maxTokens: 50 });
    expect(text).toHaveLength(8);
    expect(text!.at(-1)!.finishReason).toBe("length");
  });

  it.each([
    [[[]], {}, "a prompt must have at least one token, got none"],
    [[[128]], {}, '"prompt ids" must be whole numbers from 0 to 127, got 128'],
    [[Array.from({ length: 128 }, () => 1)], {}, "fewer tokens than the 128 that the model can read, got 128"],
    [[[1]], { maxTokens: 0 }, '"maxTokens" must be a whole number of at least 1, got 0'],
  ])("refuses %j with %j", async (given, options, message) => {
    await expect(collect(given, options)).rejects.toMatchObject({
      code: "DATA",
      message: expect.stringContaining(message),
    });
  });

  it("reads a long prompt piece by piece, beside a short one, to the log-probs of one pass", async () => {
    const own = await makeTokenGenerator(await loadModelFolder(teacher), { threads: 1 });
    const long = Array.from({ length: 300 }, (_, i) => (i * 37) % 4096);
    const texts: GeneratedToken[][] = [[], []];
    for await (const token of own.generate([long, [7, 8]], { maxTokens: 3 })) texts[token.sequence]!.push(token);
    await own.dispose();
    for (const [i, prompt] of [long, [7, 8]].entries()) {
      const { tokens } = await score(teacher, { ids: [...prompt, ...idsOf(texts[i])], topK: 1 }, { threads: 1 });
      const scored = tokens.slice(prompt.length).map(({ logProb }) => logProb!);
      expect(texts[i]!.map(({ logProb }) => logProb)).toBeAllClose(scored, { relative: 0, absolute: 1e-4 });
    }
  });
});
