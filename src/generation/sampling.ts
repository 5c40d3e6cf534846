/** @file How the next token is chosen: what may be asked for, and the choice itself. */

import type { Random } from "../data/random.js";
import { DataError, show } from "../errors.js";
import { applyTemperature, argMax, keepMinP, keepTopK, keepTopP, penalizeRepetition, tokenAt } from "./filters.js";

/** How tokens are chosen. Filters work in the order in which they stand here, as in transformers. */
export interface Sampling {
  /** Makes tokens of the prompt and of the text so far less likely; 1 (changes nothing) unless given. */
  readonly repetitionPenalty?: number | undefined;
  /** 0, which is the default, always takes the likeliest token; above 0 tokens are drawn. The filters below need it above 0. */
  readonly samplingTemperature?: number | undefined;
  /** Draw among this many likeliest tokens. */
  readonly topK?: number | undefined;
  /** Draw among the fewest likeliest tokens that together have this share of the probability. */
  readonly topP?: number | undefined;
  /** Draw among tokens that have at least this share of the likeliest one's probability. */
  readonly minP?: number | undefined;
  /** Starts the random numbers; 0 unless given. The same seed gives the same text. */
  readonly seed?: number | undefined;
}

/** From logits `[vocab]` and the tokens that were seen to the next token. */
export type Chooser = (logits: Float32Array, seen: Iterable<number>, random: Random) => number;

/**
 * The choice that some options ask for.
 *
 * @throws DataError that names an option out of its range.
 */
export function makeChooser(sampling: Sampling): Chooser {
  const { repetitionPenalty = 1, samplingTemperature = 0, topK, topP, minP, seed = 0 } = sampling;
  expectOption("repetitionPenalty", repetitionPenalty, "a number above 0", repetitionPenalty > 0);
  expectOption("samplingTemperature", samplingTemperature, "a number of at least 0", samplingTemperature >= 0);
  expectOption(
    "topK",
    topK,
    "a whole number of at least 1",
    topK === undefined || (Number.isInteger(topK) && topK >= 1),
  );
  expectOption("topP", topP, "a number above 0, at most 1", topP === undefined || (topP > 0 && topP <= 1));
  expectOption("minP", minP, "a number from 0 to 1", minP === undefined || (minP >= 0 && minP <= 1));
  expectOption("seed", seed, "a whole number", Number.isSafeInteger(seed));
  const isGreedy = samplingTemperature === 0;
  for (const [name, value] of Object.entries({ topK, topP, minP })) {
    if (!isGreedy || value === undefined) continue;
    throw new DataError(`generate: "${name}" needs a samplingTemperature above 0, got 0.`, {
      hint: "Set samplingTemperature (1 leaves probabilities as they are), or leave the filter out.",
    });
  }
  return (logits, seen, random) => {
    if (isGreedy) return argMax(filterLogits(logits, seen, { repetitionPenalty }));
    return tokenAt(filterLogits(logits, seen, sampling), random.nextFloat());
  };
}

/** Logits `[vocab]` after the filters that are asked for; −∞ where a token may not be drawn. */
export function filterLogits(
  logits: Float32Array,
  seen: Iterable<number>,
  { repetitionPenalty = 1, samplingTemperature = 1, topK, topP = 1, minP = 0 }: Sampling,
): Float32Array {
  let left = logits;
  if (repetitionPenalty !== 1) left = penalizeRepetition(left, seen, repetitionPenalty);
  if (samplingTemperature !== 1) left = applyTemperature(left, samplingTemperature);
  if (topK !== undefined) left = keepTopK(left, topK);
  if (topP < 1) left = keepTopP(left, topP);
  if (minP > 0) left = keepMinP(left, minP);
  return left;
}

/** Refuses an option that is not what it must be. */
export function expectOption(name: string, value: unknown, expected: string, fits: boolean): void {
  if (!fits) throw new DataError(`generate: "${name}" must be ${expected}, got ${show(value)}.`);
}
