/** @file Text from a model, as a terminal, a pipe and an application get it. */

import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as ChatModule from "../../src/cli/chat.js";
import type * as ConverseModule from "../../src/cli/converse.js";
import type { GenerateOptions, Model } from "../../src/evaluate/load-model.js";
import type * as Limbeck from "../../src/index.js";
import { writeChatModel } from "../support/chat-model.js";
import { limbeck, makeWorkFolder, repository, startLimbeck } from "../support/limbeck.js";
import { recorder } from "../support/recorder.js";

// The built program: its workers are files of dist/.
const built = <Module>(path: string): Promise<Module> => import(join(repository, "dist", path)) as Promise<Module>;
const teacher = join(repository, "assets/quickstart/teacher");

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
let model: Model;
let chatty: Model;
beforeAll(async () => {
  folder = await makeWorkFolder();
  await writeChatModel(join(folder.path, "chatty"));
  const { loadModel } = await built<typeof Limbeck>("index.js");
  [model, chatty] = await Promise.all([loadModel(teacher), loadModel(join(folder.path, "chatty"))]);
});
afterAll(async () => {
  await Promise.all([model.dispose(), chatty.dispose()]);
  await folder.remove();
});

async function write(from: Model, options: GenerateOptions) {
  const pieces: string[] = [];
  const generating = from.generate(options);
  for (;;) {
    const { value, done } = await generating.next();
    if (done) return { pieces, ...value };
    pieces.push(value);
  }
}

const request = { prompt: "Fellow citizens of the", maxTokens: 24, samplingTemperature: 0.8, seed: 1 };

describe("model.generate", () => {
  it("yields pieces that join to the whole text, whose log-probs are those of score", async () => {
    const { pieces, text, tokens, finishReason, promptTokens } = await write(model, request);
    expect(pieces.join("")).toBe(text);
    expect(pieces.length).toBeGreaterThan(3);
    expect(finishReason).toBe("length");
    const scored = await model.score({ text: request.prompt });
    expect(promptTokens).toBe(scored.tokens.length);
    const ids = [...scored.tokens, ...tokens].map(({ id }) => id);
    const own = (await model.score({ ids })).tokens.slice(promptTokens).map(({ logProb }) => logProb!);
    expect(tokens.map(({ logProb }) => logProb)).toBeAllClose(own, { relative: 0, absolute: 1e-4 });
  });

  it("answers messages with the chat template, and ends before a stop token", async () => {
    const messages = [{ role: "user", content: "Hello" }];
    const whole = await write(chatty, { messages, maxTokens: 20 });
    const stop = whole.tokens[10]!.id;
    const stopped = await write(chatty, { messages, maxTokens: 20, stopTokens: [stop] });
    const end = whole.tokens.findIndex(({ id }) => id === stop);
    expect(stopped.finishReason).toBe("stop");
    expect(stopped.tokens).toEqual(whole.tokens.slice(0, end + 1));
    expect(whole.text.startsWith(stopped.text)).toBe(true);
  });

  it("serves calls at once as if each were alone, while the event loop stays free", async () => {
    const alone = await write(model, request);
    let longest = 0;
    let last = performance.now();
    const ticker = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const started = performance.now();
    const together = await Promise.all(Array.from({ length: 6 }, () => write(model, request)));
    const elapsed = performance.now() - started;
    clearInterval(ticker);
    for (const { text } of together) expect(text).toBe(alone.text);
    expect(longest).toBeLessThan(Math.max(100, elapsed / 2));
  });

  it("stops within a token on abort, and when its reader leaves", async () => {
    const stop = new AbortController();
    const endless = { ...request, maxTokens: 480, signal: stop.signal };
    const pieces: string[] = [];
    const reading = async () => {
      for await (const piece of model.generate(endless)) {
        pieces.push(piece);
        stop.abort();
      }
    };
    await expect(reading()).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(pieces.length).toBeLessThan(20);
    for await (const piece of model.generate({ ...request, maxTokens: 480 })) {
      expect(piece).not.toBe("");
      break;
    }
    await expect(write(model, { ...request, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
  });

  it.each([
    [{}, "expected a prompt or messages, got neither"],
    [{ prompt: "a", messages: [] }, "expected a prompt or messages, got both"],
    [{ messages: [{ role: "user", content: "a" }] }, "must have a chat template to answer messages, got none"],
    [{ prompt: "" }, "a prompt must have at least one token, got none"],
  ])("refuses %j", async (options, message) => {
    await expect(write(model, options)).rejects.toMatchObject({
      code: "DATA",
      message: expect.stringContaining(message),
    });
  });
});

describe("limbeck chat", () => {
  const cwd = repository;

  it("answers standard input once and ends", async () => {
    const words = ["chat", teacher, "--max-tokens", "12"];
    const { code, stdout, stderr } = await limbeck(words, { cwd, input: "Fellow citizens of the\n" });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { text } = await write(model, { prompt: "Fellow citizens of the", maxTokens: 12 });
    expect(stdout).toBe(`${text}\n`);
  });

  it("prints one JSON object with --json, drawn as its flags say", async () => {
    const flags = ["--max-tokens", "12", "--temperature", "0.8", "--top-k", "20", "--top-p", "0.9", "--min-p", "0.01"];
    const more = ["--repetition-penalty", "1.1", "--seed", "4", "--json"];
    const { code, stdout } = await limbeck(["chat", teacher, ...flags, ...more], { cwd, input: "War" });
    expect(code).toBe(0);
    const sampling = { samplingTemperature: 0.8, topK: 20, topP: 0.9, minP: 0.01, repetitionPenalty: 1.1, seed: 4 };
    const { pieces: _, ...expected } = await write(model, { prompt: "War", maxTokens: 12, ...sampling });
    expect(JSON.parse(stdout)).toEqual({ model: teacher, ...expected });
  });

  it("stops on Ctrl-C with status 130", async () => {
    const started = startLimbeck(["chat", teacher, "--max-tokens", "480"], { cwd, input: "Fellow citizens" });
    await started.printed(" ", 3);
    started.process.kill("SIGINT");
    const { code, stderr } = await started.ended;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain("error[INTERRUPTED]");
  });

  it.each([
    [["--system", "Be short."], "a", 2, "--system needs a model with a chat template"],
    [["--temperature", "warm"], "a", 2, 'expected a number for --temperature, got "warm"'],
    [["--top-k", "5"], "a", 1, '"topK" needs a samplingTemperature above 0'],
    [[], "", 1, "expected a prompt on standard input, got nothing"],
  ])("refuses %j with the input %j", async (flags, input, status, message) => {
    const { code, stdout, stderr } = await limbeck(["chat", teacher, ...flags], { cwd, input });
    expect({ code, stdout }).toEqual({ code: status, stdout: "" });
    expect(stderr).toContain(message);
  });
});

describe("limbeck chat in a terminal", () => {
  /** A conversation with a keyboard of its own. */
  async function begin(from: Model, flags: { maxTokens: number; system?: string }) {
    const { makeChat } = await built<typeof ChatModule>("cli/chat.js");
    const { converse } = await built<typeof ConverseModule>("cli/converse.js");
    const [out, err, input] = [recorder(), recorder(), new PassThrough()];
    const asked: unknown[] = [];
    const listening = {
      ...from,
      generate(options: GenerateOptions) {
        asked.push(options.messages);
        return from.generate(options);
      },
    };
    const chat = makeChat("model", listening, flags, out);
    const ended = converse(chat, err, { input, output: new PassThrough().resume() });
    const until = async (holds: () => boolean) => {
      while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    return { input, out, err, asked, ended, until };
  }

  it("remembers what was said, and leaves on Ctrl-D", async () => {
    const { input, out, asked, ended, until } = await begin(chatty, { maxTokens: 8, system: "Be short." });
    input.write("Hello\r");
    await until(() => out.text().endsWith("\n"));
    const answer = out.text().slice(0, -1);
    input.write("And then?\r");
    await until(() => asked.length === 2);
    input.write("\u0004");
    await ended;
    const first = [
      { role: "system", content: "Be short." },
      { role: "user", content: "Hello" },
    ];
    const then = [...first, { role: "assistant", content: answer }, { role: "user", content: "And then?" }];
    expect(asked).toEqual([first, then]);
  });

  it("stops an answer on Ctrl-C, remembers what it was, and goes on", async () => {
    const { input, out, asked, err, ended, until } = await begin(chatty, { maxTokens: 1500 });
    input.write("Hello\r");
    await until(() => out.text().length > 10);
    input.write("\u0003");
    await until(() => out.text().endsWith("\n"));
    const answer = out.text().slice(0, -1);
    input.write("\u0003");
    await until(() => err.text().includes("Ctrl-D leaves."));
    input.write("Again\r");
    await until(() => asked.length === 2);
    input.write("\u0003\u0004");
    await ended;
    expect((asked[1] as { content: string }[])[1]!.content).toBe(answer);
    expect(err.text()).not.toContain("error");
  });
});
