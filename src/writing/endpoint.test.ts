import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CompletionServer, startCompletions } from "../../test/support/completion-server.js";
import { makeEndpoint } from "./endpoint.js";
import { endpointSchema } from "./endpoint-options.js";

let server: CompletionServer;
beforeEach(async () => {
  server = await startCompletions();
});
afterEach(() => server[Symbol.asyncDispose]());

const key = "sk-secret-1234";
const request = { prompt: "the sea", maxTokens: 8, samplingTemperature: 1, seed: 7, wantsLogProb: false };
const signal = new AbortController().signal;
const open = (changes: object = {}) =>
  makeEndpoint(
    endpointSchema.parse({ url: server.url, model: "m", retrySeconds: 0.001, maxRetries: 2, ...changes }),
    key,
  );

describe("makeEndpoint", () => {
  it("asks chat/completions with messages and the key, and reads text and usage", async () => {
    const answer = await open().complete(request, signal);
    expect(answer).toEqual({
      text: "about the sea",
      finishReason: "stop",
      logProb: null,
      tokens: 3,
      usage: { prompt: 2, completion: 3 },
    });
    const [asked] = server.requests;
    expect(asked).toMatchObject({ path: "/v1/chat/completions", authorization: `Bearer ${key}` });
    expect(asked!.body).toEqual({
      model: "m",
      messages: [{ role: "user", content: "the sea" }],
      max_tokens: 8,
      temperature: 1,
      seed: 7,
    });
  });

  it.each(["chat", "completions"] as const)("adds up the log-probs that %s gives", async (api) => {
    const answer = await open({ api }).complete({ ...request, wantsLogProb: true }, signal);
    expect(answer).toMatchObject({ text: "about the sea", logProb: -1.5, tokens: 3 });
  });

  it.each([
    ["429", { status: 429 }],
    ["503", { status: 503, body: "overloaded" }],
    ["an HTML page", { body: "<html>Bad gateway</html>" }],
    ["no choice", { body: '{"choices":[]}' }],
    ["JSON of another kind", { body: "[1, null]" }],
    ["null", { body: "null" }],
  ])("asks again after %s", async (_, fault) => {
    server.fault = (_request, number) => (number <= 2 ? fault : undefined);
    expect((await open().complete(request, signal)).text).toBe("about the sea");
    expect(server.requests.length).toBe(3);
  });

  it("waits as long as Retry-After asks", async () => {
    server.fault = (_request, number) => (number === 1 ? { status: 429, headers: { "retry-after": "1" } } : undefined);
    const started = performance.now();
    await open().complete(request, signal);
    expect(performance.now() - started).toBeGreaterThanOrEqual(990);
  });

  it("gives up with the address, the status and the beginning of the answer, without the key", async () => {
    server.fault = () => ({ body: `<html> the key ${key} ${"x".repeat(200)}` });
    const error = await open()
      .complete(request, signal)
      .catch((error) => error);
    expect(error.code).toBe("ENDPOINT");
    expect(error.message).toMatch(
      /^writer: http:\/\/127\.0\.0\.1:\d+\/v1\/chat\/completions answered 200 with something else than a completion: <html> the key ••• x{5,70}, 3 times over \d+ s\.$/,
    );
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain(key);
    expect(server.requests.length).toBe(3);
  });

  it("gives up on a server that does not answer", async () => {
    server.fault = () => ({ isSilent: true });
    const error = await open({ timeoutSeconds: 0.05 })
      .complete(request, signal)
      .catch((error) => error);
    expect(error.message).toMatch(/did not answer within 0\.05 s, 3 times/);
  });

  it("gives up on a server that is not there", async () => {
    const endpoint = open({ maxRetries: 1 });
    await server[Symbol.asyncDispose]();
    const error = await endpoint.complete(request, signal).catch((error) => error);
    expect(error.message).toMatch(/could not be reached \(ECONNREFUSED\), 2 times/);
    server = await startCompletions();
  });

  it("does not ask again with a wrong key, and says where the key is from", async () => {
    server.fault = () => ({ status: 401, body: `{"error":"Incorrect API key ${key}"}` });
    const error = await open({ keyFrom: "MY_KEY" })
      .complete(request, signal)
      .catch((error) => error);
    expect([error.code, error.hint]).toEqual(["ENDPOINT", "Check the key in MY_KEY."]);
    expect(error.message).not.toContain(key);
    expect(server.requests.length).toBe(1);
  });

  it("tells a refused request from a broken endpoint", async () => {
    server.fault = () => ({ status: 400, body: '{"error":"context length exceeded"}' });
    const error = await open()
      .complete(request, signal)
      .catch((error) => error);
    expect(error.code).toBe("ENDPOINT_REFUSED");
    expect(error.message).toContain("context length exceeded");
  });

  it("reads a kept-back text as an empty one", async () => {
    server.fault = () => ({ body: '{"choices":[{"message":{"content":null},"finish_reason":"content_filter"}]}' });
    expect(await open().complete(request, signal)).toMatchObject({ text: "", finishReason: "filtered", usage: null });
  });

  it("stops at once when its signal is aborted", async () => {
    server.fault = () => ({ status: 429, headers: { "retry-after": "60" } });
    const controller = new AbortController();
    const answer = open().complete(request, controller.signal);
    setTimeout(() => controller.abort(), 50);
    await expect(answer).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});
