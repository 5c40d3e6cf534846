/** @file What an endpoint's answer says: the text, why it ended, its log-prob and what it cost. */

import type { EndpointOptions } from "./endpoint-options.js";

export interface Completion {
  readonly text: string;
  /** `filtered`: the endpoint kept the text, or a part of it, to itself. */
  readonly finishReason: "stop" | "length" | "filtered";
  /** Σ log-prob of the text's tokens; null where the endpoint gives none. */
  readonly logProb: number | null;
  /** Tokens that the log-prob is over, or that the endpoint counted; null where it tells neither. */
  readonly tokens: number | null;
  readonly usage: { readonly prompt: number; readonly completion: number } | null;
}

interface Choice {
  readonly text?: unknown;
  readonly message?: { readonly content?: unknown };
  readonly finish_reason?: unknown;
  readonly logprobs?: {
    readonly content?: readonly { readonly logprob?: unknown }[] | null;
    readonly token_logprobs?: readonly unknown[] | null;
  } | null;
}

interface Answer {
  readonly choices?: readonly Choice[];
  readonly usage?: { readonly prompt_tokens?: unknown; readonly completion_tokens?: unknown };
}

/** Reads the body of an answer; undefined for what is no completion. An answer without text that says why it ended is an empty one. */
export function readCompletion(body: string, api: EndpointOptions["api"]): Completion | undefined {
  let answer: Answer | null;
  try {
    answer = JSON.parse(body) as Answer | null;
  } catch {
    return undefined;
  }
  const choice = Array.isArray(answer?.choices) ? (answer.choices[0] as Choice | null) : undefined;
  if (typeof choice !== "object" || choice === null) return undefined;
  const said = api === "chat" ? choice.message?.content : choice.text;
  const text = said === null && typeof choice.finish_reason === "string" ? "" : said;
  if (typeof text !== "string") return undefined;
  const logProbs = logProbsOf(choice);
  const usage = usageOf(answer!);
  return {
    text,
    finishReason:
      choice.finish_reason === "length" ? "length" : choice.finish_reason === "content_filter" ? "filtered" : "stop",
    logProb: logProbs?.reduce((sum, logProb) => sum + logProb, 0) ?? null,
    tokens: logProbs?.length ?? usage?.completion ?? null,
    usage,
  };
}

function logProbsOf({ logprobs }: Choice): readonly number[] | null {
  const given = Array.isArray(logprobs?.content)
    ? logprobs.content.map((token: { readonly logprob?: unknown } | null) => token?.logprob)
    : logprobs?.token_logprobs;
  if (!Array.isArray(given) || given.length === 0 || !given.every((value) => Number.isFinite(value))) return null;
  return given as readonly number[];
}

function usageOf({ usage }: Answer): Completion["usage"] {
  const { prompt_tokens: prompt, completion_tokens: completion } = usage ?? {};
  if (!Number.isFinite(prompt) || !Number.isFinite(completion)) return null;
  return { prompt: prompt as number, completion: completion as number };
}
