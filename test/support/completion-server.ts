/** @file A server that speaks OpenAI's API for text as far as writers need it, with the faults of real ones. */

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

export interface CompletionRequest {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  /** What the messages or the prompt say, joined. */
  readonly prompt: string;
}

/** What is answered instead of a completion. */
export interface CompletionFault {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Nothing is answered. */
  readonly isSilent?: boolean;
}

export interface CompletionServer extends AsyncDisposable {
  /** Through the version. */
  readonly url: string;
  readonly requests: readonly CompletionRequest[];
  /** The most requests that were open at once. */
  readonly mostAtOnce: () => number;
  /** Asked for every request; undefined where it is answered. */
  fault: (request: CompletionRequest, number: number) => CompletionFault | undefined;
  /** Milliseconds before every answer. */
  delayMs: number;
  /** The text of an answer. */
  answer: (request: CompletionRequest) => string;
}

/** Starts it on a free port of this machine. It counts a token per word, each with a log-prob of −0.5. */
export async function startCompletions(): Promise<CompletionServer> {
  const requests: CompletionRequest[] = [];
  let [open, most] = [0, 0];
  const server = createServer(async (incoming, response) => {
    open++;
    most = Math.max(most, open);
    response.on("close", () => open--);
    const body = JSON.parse(await textOf(incoming)) as CompletionRequest["body"];
    const prompt =
      typeof body.prompt === "string"
        ? body.prompt
        : (body.messages as { content: string }[]).map(({ content }) => content).join("\n");
    const { url: path = "", headers } = incoming;
    const request = { path, authorization: headers.authorization, body, prompt };
    requests.push(request);
    const fault = made.fault(request, requests.length);
    if (made.delayMs > 0) await wait(made.delayMs);
    if (fault?.isSilent) return;
    if (fault) {
      response.writeHead(fault.status ?? 200, fault.headers).end(fault.body ?? "");
      return;
    }
    const text = made.answer(request);
    const words = text.split(" ").filter((word) => word !== "");
    const usage = { prompt_tokens: prompt.split(" ").length, completion_tokens: words.length };
    const choice = path.endsWith("/chat/completions")
      ? {
          message: { role: "assistant", content: text },
          ...(body.logprobs === true && { logprobs: { content: words.map((token) => ({ token, logprob: -0.5 })) } }),
        }
      : { text, ...(body.logprobs !== undefined && { logprobs: { token_logprobs: words.map(() => -0.5) } }) };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ choices: [{ index: 0, finish_reason: "stop", ...choice }], usage }));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const made: CompletionServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    mostAtOnce: () => most,
    fault: () => undefined,
    delayMs: 0,
    answer: ({ prompt }) => `about ${prompt}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return made;
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString("utf8");
}
