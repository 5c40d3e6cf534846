/**
 * @file A writer that is asked over HTTP, by OpenAI's API. What fails by chance is asked again, later and later; what fails for good
 * says where and how, and never the key.
 */

import { setTimeout as wait } from "node:timers/promises";
import type { Message } from "../data/index.js";
import { InterruptedError, LimbeckError } from "../errors.js";
import type { EndpointOptions } from "./endpoint-options.js";
import { type Completion, readCompletion } from "./read-completion.js";

export interface EndpointRequest {
  /** Text for `completions`; messages, or a string as one of the user's, for `chat`. */
  readonly prompt: string | readonly Message[];
  readonly maxTokens: number;
  readonly samplingTemperature: number;
  readonly topP?: number | undefined;
  /** Sent where tokens are drawn. */
  readonly seed: number;
  /** Ask for log-probs. */
  readonly wantsLogProb: boolean;
}

export interface Endpoint {
  /**
   * @throws LimbeckError `ENDPOINT` with the address, the status and the beginning of the answer; `ENDPOINT_REFUSED` where the
   *   request itself is at fault (400, 413, 422), which says nothing of other requests; `INTERRUPTED`.
   */
  complete(request: EndpointRequest, signal: AbortSignal): Promise<Completion>;
}

/** The longest wait between two tries that is not the server's own wish. */
const longestWaitSeconds = 60;
/** The longest wish of a server that is obeyed. */
const longestRetryAfterSeconds = 600;

/** @param key - the API key; undefined where none is sent. */
export function makeEndpoint(options: EndpointOptions, key: string | undefined): Endpoint {
  const chat = options.api === "chat";
  const url = `${options.url.replace(/\/+$/, "")}/${chat ? "chat/completions" : "completions"}`;
  const where = `writer: ${withoutSecrets(url, key)}`;

  const attempt = async (body: string, signal: AbortSignal): Promise<Completion> => {
    const timeout = AbortSignal.timeout(options.timeoutSeconds * 1000);
    let response: Response;
    let text: string;
    try {
      const headers = {
        "content-type": "application/json",
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      };
      response = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.any([signal, timeout]) });
      text = await response.text();
    } catch (cause) {
      if (signal.aborted) throw interrupted();
      const reason = timeout.aborted ? `did not answer within ${options.timeoutSeconds} s` : connectionFault(cause);
      throw new Chance(reason, undefined, cause);
    }
    const { status } = response;
    const excerpt = withoutSecrets(text.replace(/\s+/g, " ").trim(), key).slice(0, 80);
    const answered = `answered ${status}${excerpt === "" ? " with nothing" : `: ${excerpt}`}`;
    if (status === 429 || status === 408 || status >= 500) {
      throw new Chance(answered, retryAfterSeconds(response.headers.get("retry-after")));
    }
    if (status === 400 || status === 413 || status === 422) {
      throw new LimbeckError("ENDPOINT_REFUSED", `${where} ${answered}`, { hint: "Correct what the endpoint names." });
    }
    if (!response.ok) throw new LimbeckError("ENDPOINT", `${where} ${answered}`, { hint: hintFor(status, options) });
    const completion = readCompletion(text, options.api);
    if (completion === undefined)
      throw new Chance(`answered ${status} with something else than a completion: ${excerpt}`);
    return completion;
  };

  return {
    async complete(request, signal) {
      const body = JSON.stringify(bodyOf(request, options));
      const started = performance.now();
      for (let tries = 1; ; tries++) {
        if (signal.aborted) throw interrupted();
        try {
          return await attempt(body, signal);
        } catch (error) {
          if (!(error instanceof Chance)) throw error;
          if (tries > options.maxRetries) {
            const seconds = Math.round((performance.now() - started) / 1000);
            const often = tries === 1 ? "" : `, ${tries} times over ${seconds} s`;
            throw new LimbeckError("ENDPOINT", `${where} ${error.message}${often}.`, {
              hint: `Go on later with --resume; lower writer.endpoint.concurrency (${options.concurrency}) or raise maxRetries (${options.maxRetries}) where it is only busy.`,
              cause: error.cause,
            });
          }
          const backoff = Math.min(longestWaitSeconds, options.retrySeconds * 2 ** (tries - 1));
          const seconds = Math.max(error.retryAfterSeconds ?? 0, backoff * (0.5 + Math.random() / 2));
          await wait(seconds * 1000, undefined, { signal }).catch(() => {});
        }
      }
    },
  };
}

/** A failure that may not happen again. */
class Chance extends Error {
  constructor(
    message: string,
    readonly retryAfterSeconds?: number,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

function bodyOf(
  { prompt, maxTokens, samplingTemperature, topP, seed, wantsLogProb }: EndpointRequest,
  options: EndpointOptions,
) {
  const chat = options.api === "chat";
  return {
    model: options.model,
    ...(chat ? { messages: typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt } : { prompt }),
    max_tokens: maxTokens,
    temperature: samplingTemperature,
    ...(topP !== undefined && { top_p: topP }),
    ...(samplingTemperature > 0 && { seed }),
    ...(wantsLogProb && { logprobs: chat ? true : 1 }),
  };
}

/** Seconds, or a date. */
function retryAfterSeconds(value: string | null): number | undefined {
  if (value === null) return undefined;
  const seconds = /^\d+$/.test(value.trim()) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(0, seconds), longestRetryAfterSeconds) : undefined;
}

function connectionFault(error: unknown): string {
  const { cause, message } = error as Error & { readonly cause?: Error & { readonly code?: string } };
  return `could not be reached (${cause?.code ?? cause?.message ?? message})`;
}

function hintFor(status: number, { keyFrom }: EndpointOptions): string {
  if (status !== 401 && status !== 403) return "Check writer.endpoint.url and writer.endpoint.model.";
  return keyFrom === undefined
    ? "Set writer.endpoint.keyFrom to the environment variable that holds the key."
    : `Check the key in ${keyFrom}.`;
}

/** Without the key, and without a password in an address. */
function withoutSecrets(text: string, key: string | undefined): string {
  const plain = text.replace(/(https?:\/\/)[^/@\s]*@/g, "$1");
  return key === undefined ? plain : plain.replaceAll(key, "•••");
}

function interrupted(): InterruptedError {
  return new InterruptedError("writer: stopped before all responses were written.");
}
