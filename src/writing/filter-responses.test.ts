import { describe, expect, it } from "vitest";
import { filtersSchema } from "./filter-options.js";
import { type Candidate, filterResponses } from "./filter-responses.js";

const candidate = (changes: Partial<Candidate>): Candidate => ({
  row: 0,
  sample: 0,
  response: "The harbour lies still under the morning sun.",
  finishReason: "stop",
  logProb: -4,
  tokens: 8,
  promptText: "Describe the harbour.",
  promptTokens: 5,
  ids: [1, 2, 3, 4, 5, 6, 7, 8],
  ...changes,
});
const drops = (filters: object, ...candidates: Partial<Candidate>[]) =>
  filterResponses(candidates.map(candidate), filtersSchema.parse(filters), 16);

describe("filterResponses", () => {
  it("keeps a plain response", async () => {
    expect(await drops({}, {})).toEqual([undefined]);
  });

  it("drops what ends before it begins, is cut, kept back or refused", async () => {
    const reasons = await drops(
      {},
      { response: " \n", tokens: 1 },
      { finishReason: "length" },
      { finishReason: "filtered", response: "" },
      { finishReason: "refused", response: "", refusal: "too long" },
    );
    expect(reasons).toEqual([
      { reason: "empty", value: 1 },
      { reason: "unfinished", value: 8 },
      { reason: "filtered", value: "" },
      { reason: "refused", value: "too long" },
    ]);
  });

  it("drops a response that does not fit behind its prompt, with the tokens of both", async () => {
    const long = { promptTokens: 9 };
    expect(await drops({}, { promptTokens: 8 }, { ...long, promptText: "Another" })).toEqual([
      undefined,
      { reason: "window", value: 17 },
    ]);
  });

  it("drops by length", async () => {
    const filters = { length: { minTokens: 2, maxTokens: 8 } };
    expect(await drops(filters, { ids: [1] }, {}, { ids: [1, 2, 3, 4, 5, 6, 7, 8, 9] })).toEqual([
      { reason: "length", value: 1 },
      undefined,
      { reason: "length", value: 9 },
    ]);
  });

  it("drops what repeats itself, by seq-rep-n", async () => {
    // 1 2 1 2 1 2: five bigrams, two different.
    const [drop] = await drops({ repetition: { maxShare: 0.5, tokens: 2 } }, { ids: [1, 2, 1, 2, 1, 2] });
    expect(drop).toEqual({ reason: "repetition", value: 1 - 2 / 5 });
    expect(await drops({ repetition: { maxShare: 0.6, tokens: 2 } }, { ids: [1, 2, 1, 2, 1, 2] })).toEqual([undefined]);
  });

  it("drops another language, and names it", async () => {
    const german = "Der Hafen liegt still unter der Morgensonne, und die Boote schlafen noch.";
    expect(await drops({ language: "en" }, {}, { response: german })).toEqual([
      undefined,
      { reason: "language", value: "de" },
    ]);
    await expect(drops({ language: "qq" }, {})).rejects.toThrow(/filters\.language: expected one of .*en.*got "qq"/);
  });

  it("drops what its writer found unlikely, by the mean per token", async () => {
    expect(await drops({ logProb: { min: -0.5 } }, {}, { logProb: -8, response: "another" })).toEqual([
      undefined,
      { reason: "log-prob", value: -1 },
    ]);
  });

  it("drops what fewer samples of the row agree with than asked", async () => {
    const say = (response: string, sample: number, row = 0) => ({ response, sample, row });
    const filters = { agreement: { min: 0.5 }, duplicates: "keep" };
    expect(await drops(filters, say("Yes.", 0), say("yes", 1), say("No", 2), say("", 3), say("No", 0, 1))).toEqual([
      undefined,
      undefined,
      { reason: "agreement", value: 0.25 },
      { reason: "empty", value: 8 },
      undefined,
    ]);
  });

  it("keeps the first of equal responses to one prompt, and an equal one to another prompt", async () => {
    const twice = { response: " The harbour  lies still under the morning sun.\n", sample: 1 };
    expect(await drops({}, {}, twice, { promptText: "And the bay?", row: 1 })).toEqual([
      undefined,
      { reason: "duplicate", value: 1 },
      undefined,
    ]);
    expect(await drops({ duplicates: "keep" }, {}, twice)).toEqual([undefined, undefined]);
  });

  it("tells -5 from 5", async () => {
    expect(await drops({}, { response: "-5" }, { response: "5" })).toEqual([undefined, undefined]);
  });

  it("drops near-duplicates only where the prompts are near too", async () => {
    const words = Array.from({ length: 60 }, (_, i) => `word${i}`);
    const near = { response: [...words.slice(0, 59), "other"].join(" "), sample: 1 };
    const first = { response: words.join(" ") };
    const [kept, dropped] = await drops({ duplicates: "near" }, first, near);
    expect(kept).toBeUndefined();
    // 56 shingles each, 55 of them shared.
    expect(dropped).toEqual({ reason: "near-duplicate", value: 55 / 57 });
    const elsewhere = { ...near, promptText: "Quite another question, about the mountains and the snow on them." };
    expect(await drops({ duplicates: "near" }, first, elsewhere)).toEqual([undefined, undefined]);
  });
});
