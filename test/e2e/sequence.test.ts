/** @file `sequence`, `generate` and `select` by the built program: what is written, kept and dropped, by a model and by an endpoint. */

import { existsSync } from "node:fs";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { loadTokenizer } from "../../src/data/index.js";
import { score } from "../../src/evaluate/score.js";
import type { Report } from "../../src/report/report.js";
import { writeChatModel } from "../support/chat-model.js";
import { type CompletionServer, startCompletions } from "../support/completion-server.js";
import { limbeck, makeWorkFolder, startLimbeck } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
let server: CompletionServer;
const at = (...parts: string[]) => join(folder.path, ...parts);
const prompts = ["red", "blue", "green", "grey", "white", "black"].map((colour) => `the ${colour} sea`);

interface Line {
  readonly prompt: string;
  readonly response: string;
  readonly dropped?: { readonly reason: string; readonly value: unknown };
  readonly written: { readonly sample: number; readonly logProb: number | null; readonly tokenIds?: number[] };
}
const lines = async (...path: string[]): Promise<Line[]> =>
  (await readFile(at(...path), "utf8"))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);

/** Writes a config of this name, whose run goes into a folder of the same name. */
async function writeConfig(name: string, sections: object): Promise<string> {
  const config = {
    recipe: "sequence",
    student: { shape: { layers: 1, hiddenSize: 16, heads: 2, feedForwardSize: 32 }, tokenizer: "teacher" },
    data: { train: "prompts.jsonl", template: "none", sequenceLength: 64, heldOutFraction: 0.3 },
    training: { steps: 2, tokensPerStep: 128, evaluateEvery: null },
    threads: 1,
    output: name,
    ...sections,
  };
  await writeFile(at(`${name}.yaml`), stringify(config));
  return `${name}.yaml`;
}
const run = (...words: string[]) => limbeck(words, { cwd: folder.path });
const endpoint = (changes: object = {}) => ({
  endpoint: { url: server.url, model: "m", retrySeconds: 0.01, maxRetries: 1, concurrency: 2, ...changes },
});

beforeAll(async () => {
  folder = await makeWorkFolder();
  await writeChatModel(at("teacher"));
  await writeFile(at("prompts.jsonl"), prompts.map((prompt) => `${JSON.stringify({ prompt })}\n`).join(""));
});
afterAll(() => folder.remove());
beforeEach(async () => {
  server = await startCompletions();
});
afterEach(() => server[Symbol.asyncDispose]());

describe("limbeck run of sequence", () => {
  const writing = {
    writer: { model: "teacher" },
    generation: { samples: 3, maxTokens: 6, samplingTemperature: 1 },
    filters: { unfinished: "keep", logProb: { min: -1 } },
  };

  it("writes, keeps the likely ones, learns them, and tells of all of it", async () => {
    const { code, stdout, stderr } = await run("run", await writeConfig("whole", writing));
    expect(code, stderr).toBe(0);
    const [written, kept, dropped] = await Promise.all(
      ["written", "kept", "dropped"].map((name) => lines("whole", `${name}.jsonl`)),
    );
    expect(written!.length).toBe(18);
    expect(kept!.length + dropped!.length).toBe(18);
    for (const { written } of kept!) expect(written.logProb! / 6).toBeGreaterThanOrEqual(-1);
    const unlikely = dropped!.filter(({ dropped }) => dropped!.reason === "log-prob");
    expect(unlikely.length).toBeGreaterThan(0);
    for (const { dropped } of unlikely) expect(dropped!.value).toBeLessThan(-1);
    const report = JSON.parse(await readFile(at("whole/report.json"), "utf8")) as Report;
    expect(report.writing).toMatchObject({ writer: "teacher", rows: 6, written: 18, kept: kept!.length, usage: null });
    expect(report.models.map(({ role }) => role)).toEqual(["teacher", "student-before", "student-after"]);
    expect(stdout.replace(/\s+/g, " ")).toContain(`teacher wrote 18 responses to 6 rows; ${kept!.length} (`);
  });

  it("goes on after kill -9 in the midst of writing, to the same responses", async () => {
    const config = await writeConfig("killed", writing);
    const started = startLimbeck(["generate", config], { cwd: folder.path });
    const seen = new Promise<void>((resolve) => {
      started.process.stderr!.on("data", (text: string) => /writing responses: \d+ of/.test(text) && resolve());
    });
    await Promise.race([seen, started.ended]);
    started.process.kill("SIGKILL");
    await started.ended;
    await truncate(at("killed/written.jsonl"), 700);
    const { code, stderr } = await run("generate", config, "--resume");
    expect(code, stderr).toBe(0);
    expect(await lines("killed", "written.jsonl")).toEqual(await lines("whole", "written.jsonl"));
    expect((await run("run", config, "--resume")).code).toBe(0);
    expect((await run("run", config)).stderr).toContain("error[OCCUPIED]");
  });
});

describe("limbeck generate from an endpoint", () => {
  it("writes every sample, counts the cost, and keeps the key to itself", async () => {
    const price = { pricePerMillionTokens: { prompt: 1, completion: 1000 } };
    const config = await writeConfig("asked", {
      writer: endpoint({ keyFrom: "TEST_KEY", ...price }),
      generation: { samples: 2, samplingTemperature: 1 },
    });
    const { stderr: refused } = await run("generate", config);
    expect(refused.replaceAll(/\s+/g, " ")).toContain("environment variable TEST_KEY, got none");
    process.env.TEST_KEY = "sk-secret";
    server.delayMs = 100;
    try {
      const { code, stdout, stderr } = await run("generate", config, "--json");
      expect(code, stderr).toBe(0);
      // 12 requests of 3 words, answered by 4; both samples of a prompt are the same.
      expect(JSON.parse(stdout)).toMatchObject({
        written: 12,
        kept: 6,
        dropped: [{ reason: "duplicate", count: 6 }],
        usage: { promptTokens: 36, completionTokens: 48, cost: (36 + 48_000) / 1e6 },
      });
      expect(stdout + stderr + (await readFile(at("asked/config.yaml"), "utf8"))).not.toContain("sk-secret");
      expect(server.requests.every(({ authorization }) => authorization === "Bearer sk-secret")).toBe(true);
      expect(server.mostAtOnce()).toBeLessThanOrEqual(2);
    } finally {
      delete process.env.TEST_KEY;
    }
  });

  it("loses nothing where the endpoint goes down, and asks for nothing twice", async () => {
    const config = await writeConfig("down", { writer: endpoint() });
    server.fault = (_, number) => (number > 3 ? { status: 503, body: "overloaded" } : undefined);
    const { code, stderr } = await run("generate", config);
    expect(code).toBe(1);
    expect(stderr).toMatch(/answered 503: overloaded, 2 times over \d+ s; 3 of 6 responses are written\./);
    expect(stderr.replace(/\s+/g, " ")).toContain("--resume");
    expect((await lines("down", "written.jsonl")).length).toBe(3);
    const before = server.requests.length;
    server.fault = () => undefined;
    expect((await run("generate", config, "--resume")).code).toBe(0);
    expect(server.requests.length - before).toBe(3);
    const answered = (await lines("down", "written.jsonl")).map(({ response }) => response);
    expect(answered.sort()).toEqual(prompts.map((prompt) => `about ${prompt}`).sort());
  });

  it("drops a row that the endpoint refuses, and ends where it refuses the first", async () => {
    const config = await writeConfig("refused", { writer: endpoint({ concurrency: 1 }) });
    const refusal = { status: 400, body: "context too long" };
    server.fault = ({ prompt }) => (prompt.includes("grey") ? refusal : undefined);
    expect((await run("generate", config)).code).toBe(0);
    const [dropped] = await lines("refused", "dropped.jsonl");
    expect(dropped!.dropped).toMatchObject({ reason: "refused", value: expect.stringContaining("context too long") });
    server.fault = () => refusal;
    const first = await run("generate", await writeConfig("wrong", { writer: endpoint() }));
    expect(first.stderr).toContain("answered 400: context too long");
  });

  it("says why nothing is left, and keeps what was written", async () => {
    server.answer = () => "";
    const { code, stderr } = await run("generate", await writeConfig("nothing", { writer: endpoint() }));
    expect(code).toBe(1);
    expect(stderr).toContain(
      "expected at least one response to learn from, got none: of 6 written, dropped are 6 empty",
    );
    expect((await lines("nothing", "dropped.jsonl")).length).toBe(6);
  });

  it("counts a response that is longer than the window, and never cuts it", async () => {
    const long = "word ".repeat(80).trim();
    server.answer = ({ prompt }) => (prompt.includes("red") ? long : `about ${prompt}`);
    expect((await run("generate", await writeConfig("long", { writer: endpoint() }))).code).toBe(0);
    const [dropped] = await lines("long", "dropped.jsonl");
    expect(dropped).toMatchObject({ response: long, dropped: { reason: "window" } });
    expect(dropped!.dropped!.value).toBeGreaterThan(64);
  });

  it("checks a run without asking the endpoint", async () => {
    const { code, stdout, stderr } = await run("check", await writeConfig("checked", { writer: endpoint() }));
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("6 responses to 6 rows");
    expect(stdout).toMatch(/writing +takes what the endpoint takes/);
    expect(server.requests).toEqual([]);
  });

  it("foretells what a run of a local writer costs, and writes nothing for it into the run's folder", async () => {
    const { code, stdout, stderr } = await run(
      "check",
      await writeConfig("foretold", { writer: { model: "teacher" } }),
      "--json",
    );
    expect(code, stderr).toBe(0);
    const { time, memory } = JSON.parse(stdout) as Record<string, Record<string, number>>;
    expect(time!.writing).toBeGreaterThan(0);
    expect(time!.training).toBeGreaterThan(0);
    expect(memory!.peakBytes).toBeGreaterThan(0);
    expect(existsSync(at("foretold"))).toBe(false);
  });
});

describe("limbeck select", () => {
  const rows = prompts.map((prompt, i) => ({ prompt, response: ` is ${"very ".repeat(i)}deep` }));
  const select = (...words: string[]) =>
    run("select", "rows.jsonl", "--model", "teacher", "--template", "none", "--share", "0.5", "--json", ...words);
  beforeAll(() => writeFile(at("rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join("")));

  it("keeps the asked share as it is, by loss, and writes the scores of all", async () => {
    const { code, stderr } = await select("--by", "loss", "--keep", "highest", "--output", "loss.jsonl");
    expect(code, stderr).toBe(0);
    const scores = (await lines("loss.scores.jsonl")) as unknown as { score: number; kept: boolean }[];
    const bar = scores.map(({ score }) => score).sort((a, b) => b - a)[2]!;
    expect(scores.map(({ kept }) => kept)).toEqual(scores.map(({ score }) => score >= bar));
    expect(await lines("loss.jsonl")).toEqual(rows.filter((_, i) => scores[i]!.kept));
    expect((await select("--by", "loss", "--output", "loss.jsonl")).stderr).toContain("error[FILE]");
  });

  it("finds no gap between a model and itself", async () => {
    const { stdout, code, stderr } = await select("--by", "gap", "--other", "teacher", "--output", "gap.jsonl");
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout).scores.all).toEqual({ low: 0, median: 0, high: 0 });
  });

  it("divides the loss behind the prompt by the loss alone, over the same tokens", async () => {
    const { code, stderr } = await select("--by", "ifd", "--share", "1", "--output", "ifd.jsonl");
    expect(code, stderr).toBe(0);
    const scores = (await lines("ifd.scores.jsonl")) as unknown as { score: number; kept: boolean }[];
    const tokenizer = await loadTokenizer(at("teacher"));
    const { prefixIds, endTokenId } = tokenizer;
    for (const [i, { prompt, response }] of rows.entries()) {
      const learned = [...tokenizer.encode(response), endTokenId!];
      // Its first token can only be scored alone where something stands before it.
      const scored = prefixIds.length > 0 ? learned.length : learned.length - 1;
      const loss = async (before: readonly number[]) => {
        const { tokens } = await score(at("teacher"), { ids: [...before, ...learned], topK: 0 }, { threads: 1 });
        return -tokens.slice(-scored).reduce((sum, { logProb }) => sum + logProb!, 0) / scored;
      };
      const ifd = (await loss([...prefixIds, ...tokenizer.encode(prompt)])) / (await loss(prefixIds));
      expect([scores[i]!.score]).toBeAllClose([ifd], { relative: 1e-4 });
      expect(scores[i]!.kept).toBe(ifd < 1);
    }
  });
});
