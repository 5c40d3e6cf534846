/** @file Which responses are kept, and for what reason each of the others is not. */

import type { FilterOptions } from "./filter-options.js";
import { makeLanguageTest } from "./language.js";
import { makeNearDuplicates, shinglesOf } from "./near-duplicates.js";
import { plainAnswer, plainSpacing } from "./normal-text.js";
import { repeatedShare } from "./repetition.js";
import type { WrittenText } from "./written-response.js";

/** A written response as its student will see it. */
export interface Candidate extends WrittenText {
  /** The student's prompt as text. */
  readonly promptText: string;
  /** Tokens of the student's prompt. */
  readonly promptTokens: number;
  /** The student's ids of the response, with its end where it has one. */
  readonly ids: readonly number[];
}

/** In the order in which they are tried: a response has the first reason that holds. */
export const dropReasons = [
  "refused",
  "filtered",
  "empty",
  "unfinished",
  "window",
  "length",
  "repetition",
  "language",
  "log-prob",
  "agreement",
  "duplicate",
  "near-duplicate",
] as const;

export type DropReason = (typeof dropReasons)[number];

/** Why a response is not kept, and what was measured: tokens, a share, nats, a language, or what the endpoint said. */
export interface Drop {
  readonly reason: DropReason;
  readonly value: number | string;
}

/** What was measured where it speaks against the response. */
type Test = (candidate: Candidate) => number | string | undefined;

/**
 * Tries every response in turn.
 *
 * - `window`: prompt and response together have more tokens than the student reads at once. Nothing is ever cut.
 * - `log-prob`: Σ log-prob of the writer / its tokens is below the bar. A response without a log-prob is none of the writer's that
 *   the bar is for, and is kept.
 * - `agreement`: (samples of the row that give the same answer, itself included) / (samples of the row) is below the bar. Samples
 *   that are empty, cut or refused count below the line, and agree with none.
 * - `duplicate`: an earlier kept response to the same prompt is the same but for spacing.
 *
 * @param windowTokens - tokens of prompt and response that the student reads at once.
 * @returns per response its drop; undefined where it is kept.
 */
export async function filterResponses(
  candidates: readonly Candidate[],
  filters: FilterOptions,
  windowTokens: number,
): Promise<readonly (Drop | undefined)[]> {
  const tests = await makeTests(candidates, filters, windowTokens);
  const remember = makeMemory(tests, filters);
  return candidates.map((candidate) => {
    for (const reason of dropReasons) {
      const value = tests[reason]?.(candidate);
      if (value !== undefined) return { reason, value };
    }
    remember(candidate);
    return undefined;
  });
}

type Tests = { [Reason in DropReason]?: Test };

async function makeTests(
  candidates: readonly Candidate[],
  { unfinished, length, repetition, language, logProb, agreement }: FilterOptions,
  windowTokens: number,
): Promise<Tests> {
  const tests: Tests = {
    refused: ({ finishReason, refusal }) => (finishReason === "refused" ? (refusal ?? "") : undefined),
    filtered: ({ finishReason, response }) => (finishReason === "filtered" ? excerpt(response) : undefined),
    empty: ({ response, tokens }) => (response.trim() === "" ? (tokens ?? 0) : undefined),
    window: ({ promptTokens, ids }) => {
      const tokens = promptTokens + ids.length;
      return tokens > windowTokens ? tokens : undefined;
    },
  };
  if (unfinished === "drop") {
    tests.unfinished = ({ finishReason, ids }) => (finishReason === "length" ? ids.length : undefined);
  }
  if (length) {
    const { minTokens = 0, maxTokens = Number.POSITIVE_INFINITY } = length;
    tests.length = ({ ids }) => (ids.length < minTokens || ids.length > maxTokens ? ids.length : undefined);
  }
  if (repetition) {
    tests.repetition = ({ ids }) => above(repeatedShare(ids, repetition.tokens), repetition.maxShare);
  }
  if (language !== undefined) {
    const test = await makeLanguageTest(language);
    tests.language = ({ response }) => test(response);
  }
  if (logProb) {
    tests["log-prob"] = ({ logProb: sum, tokens }) =>
      sum === null || tokens === null || tokens === 0 ? undefined : below(sum / tokens, logProb.min);
  }
  if (agreement) {
    const shareOf = makeAgreement(candidates);
    tests.agreement = (candidate) => below(shareOf(candidate), agreement.min);
  }
  return tests;
}

/** Adds the tests for what was kept before, and returns what must be told of every response that is kept. */
function makeMemory(tests: Tests, { duplicates, nearSimilarity }: FilterOptions): (kept: Candidate) => void {
  if (duplicates === "keep") return () => {};
  const known = new Set<string>();
  const keyOf = ({ promptText, response }: Candidate) => JSON.stringify([promptText, plainSpacing(response)]);
  tests.duplicate = (candidate) => (known.has(keyOf(candidate)) ? 1 : undefined);
  if (duplicates === "exact") return (kept) => known.add(keyOf(kept));
  const near = makeNearDuplicates(nearSimilarity);
  const shingle = ({ promptText, response }: Candidate) => ({
    prompt: shinglesOf(promptText),
    response: shinglesOf(response),
  });
  tests["near-duplicate"] = (candidate) => near.find(shingle(candidate));
  return (kept) => {
    known.add(keyOf(kept));
    near.remember(shingle(kept));
  };
}

/** The share of a row's samples that give the answer of one of them: case, spacing and closing punctuation do not count. */
function makeAgreement(candidates: readonly Candidate[]): (candidate: Candidate) => number {
  const samples = new Map<number, number>();
  const alike = new Map<string, number>();
  const keyOf = ({ row, response }: Candidate) => `${row} ${plainAnswer(response)}`;
  for (const candidate of candidates) {
    const { row, finishReason, response } = candidate;
    samples.set(row, (samples.get(row) ?? 0) + 1);
    if (finishReason !== "stop" || response.trim() === "") continue;
    const key = keyOf(candidate);
    alike.set(key, (alike.get(key) ?? 0) + 1);
  }
  return (candidate) => (alike.get(keyOf(candidate)) ?? 0) / samples.get(candidate.row)!;
}

function above(value: number, most: number): number | undefined {
  return value > most ? value : undefined;
}

function below(value: number, least: number): number | undefined {
  return value < least ? value : undefined;
}

function excerpt(text: string): string {
  return text.slice(0, 80);
}
