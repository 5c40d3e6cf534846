/** @file How a divergence is defined, by limbeck or by a user: one function from two distributions to nats per row. */

import { z } from "zod";
import { LimbeckError } from "../errors.js";
import type { Value } from "../graph/graph.js";
import type { Outcomes } from "./outcomes.js";

/** What a teacher hands over: final hidden states, whole distributions, or its likeliest tokens with the mass of the rest. */
export type TeacherKind = "hidden" | "dense" | "sparse";

export interface DivergenceInput<Options> {
  /** At temperature τ; gradients flow here only. */
  readonly student: Outcomes;
  /** At temperature τ; constants. */
  readonly teacher: Outcomes;
  /** τ: a number, or a scalar of the graph where it changes over the run. */
  readonly temperature: number | Value;
  readonly options: Options;
}

export interface DivergenceDefinition<Options> {
  /** What configs call it. */
  readonly name: string;
  /** The teacher signals for which it is mathematically right. */
  readonly accepts: readonly TeacherKind[];
  /** Why the others are refused, as the second half of a sentence. */
  readonly refusal?: string;
  /** Its own keys in a config's term; none when left out. */
  readonly options?: z.ZodType<Options>;
  /** Nats per row, `[rows]`. The framework masks, weights, multiplies by τ² and differentiates it. */
  rows(input: DivergenceInput<Options>): Value;
  /**
   * Derivative of each row with respect to the student's logits divided by τ, `[rows, vocab]`, where a closed form is
   * cheaper than differentiating `rows`. Used for whole distributions only.
   */
  logitsGradient?(input: DivergenceInput<Options>): Value;
  /**
   * Derivative of each row with respect to the student's log-probs, as if each were free, `[rows, outcomes]`, where a closed
   * form is cheaper or more exact than differentiating `rows`; the softmax behind it is differentiated by the framework.
   */
  logProbsGradient?(input: DivergenceInput<Options>): Value;
}

/** A definition with its options schema always there. */
export interface Divergence<Options = unknown> extends DivergenceDefinition<Options> {
  readonly options: z.ZodType<Options>;
}

const divergences = new Map<string, Divergence>();

/**
 * Defines a divergence and makes its name known to configs, the chunked head and `limbeck loss`.
 *
 * @example
 * export const totalVariation = defineDivergence({
 *   name: "total-variation",
 *   accepts: ["hidden", "dense"],
 *   rows: ({ student, teacher }) =>
 *     mul(reduceSum(abs(sub(student.probabilities, teacher.probabilities)), { axes: [-1] }), 0.5),
 * });
 * @throws LimbeckError `REGISTERED` where the name is taken by another definition.
 */
export function defineDivergence<Options = Readonly<Record<string, never>>>(
  definition: DivergenceDefinition<Options>,
): Divergence<Options> {
  if (divergences.has(definition.name)) {
    throw new LimbeckError("REGISTERED", `losses: a divergence named "${definition.name}" is defined already.`, {
      hint: "Choose another name.",
    });
  }
  const divergence: Divergence<Options> = {
    ...definition,
    options: definition.options ?? (z.strictObject({}) as unknown as z.ZodType<Options>),
  };
  // Options are parsed by the divergence's own schema before they reach it, so their type may be forgotten here.
  divergences.set(definition.name, divergence as unknown as Divergence);
  return divergence;
}

/** Names of all divergences defined so far. */
export function divergenceNames(): string[] {
  return [...divergences.keys()];
}

export function findDivergence(name: string): Divergence | undefined {
  return divergences.get(name);
}
