/** @file The `objective:` section of a config: named, weighted terms, with `soft` and `hard` as shorthands. */

import * as z from "zod";
import type { ClassWeights } from "../data/class-weights.js";
import { type FeatureTerm, featureTerm } from "./features/options.js";
import { divergenceNames, findDivergence } from "./registry.js";
import { type Scheduled, scheduledSchema, valueAt } from "./schedule.js";

const weight = scheduledSchema(z.number().nonnegative())
  .default(1)
  .describe(
    "What the term is multiplied by in the sum: a number, or { from, to, schedule, after, steps | fraction } for one that changes over the run.",
  );

/** What every divergence term has, whichever its divergence; the divergence's own options stand beside these keys. */
const divergenceKeys = {
  weight,
  divergence: z
    .string()
    .default("forward-kl")
    .describe(
      "How the two distributions are compared: forward-kl, reverse-kl, cross-entropy, jsd, skew-kl, skew-reverse-kl, symmetric-kl, tvd, alpha-beta, logits-mse, ranking, or one you defined.",
    ),
  temperature: scheduledSchema(z.number().positive())
    .default(1)
    .describe(
      "Divides the logits of both sides: a number, or { from, to, schedule, after, steps | fraction } for one that changes over the run.",
    ),
  scaleByTemperatureSquared: z
    .boolean()
    .default(true)
    .describe(
      "Multiply the term by temperature², which keeps its gradient's size independent of the temperature (Hinton et al. 2015).",
    ),
};

const softTerm = divergenceTerm(z.literal("divergence").default("divergence").describe("What the term is.")).describe(
  "Distance to the teacher's distribution.",
);

const crossEntropyKeys = {
  weight,
  labelSmoothing: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("Share of the label that is spread evenly over the vocabulary (Szegedy et al. 2016)."),
};

const classWeights = z
  .union([z.literal("balanced"), z.record(z.string(), z.number().nonnegative())])
  .optional()
  .describe(
    "How much the labels of each class count in the mean: by name, 1 for a class that is left out; balanced: all classes alike. Default: all labels alike.",
  );

const hiddenTerm = featureTerm(z.literal("feature").default("feature").describe("What the term is."), weight).describe(
  "Distance to what the teacher's layers compute.",
);

/**
 * The schema of `objective:`. `soft` is a divergence, `hard` the cross-entropy with the text and `hidden` a feature; terms of
 * other names say which they are with `kind`. A term that is left out is not computed. The parsed value is itself a valid `objective:`.
 */
export const objectiveSchema = objectiveSchemaOf(crossEntropyKeys);

/** {@link objectiveSchema} where labels are classes. */
export const classObjectiveSchema = objectiveSchemaOf({ ...crossEntropyKeys, classWeights });

function objectiveSchemaOf(crossEntropy: z.ZodRawShape): z.ZodType<Objective> {
  const kind = z.literal("cross-entropy");
  const hardTerm = z
    .strictObject({ kind: kind.default("cross-entropy").describe("What the term is."), ...crossEntropy })
    .describe("Cross-entropy with the text itself, at temperature 1.");
  const namedTerm = z.discriminatedUnion("kind", [
    divergenceTerm(z.literal("divergence")),
    z.strictObject({ kind, ...crossEntropy }),
    z.strictObject({ kind: z.literal("confidence"), weight }),
    featureTerm(z.literal("feature"), weight),
  ]);
  return z
    .object({ soft: softTerm.optional(), hard: hardTerm.optional(), hidden: hiddenTerm.optional() })
    .catchall(namedTerm)
    .refine((objective) => Object.keys(objective).length > 0, {
      error: "expected at least one term, such as soft or hard, got none",
    })
    .transform((objective) => objective as unknown as Objective)
    .describe("What is minimised: the weighted sum of named terms.");
}

export interface DivergenceTerm {
  readonly kind: "divergence";
  readonly weight: Scheduled;
  readonly divergence: string;
  readonly temperature: Scheduled;
  readonly scaleByTemperatureSquared: boolean;
  /** The divergence's own options, defaults filled in. */
  readonly [option: string]: unknown;
}

export interface CrossEntropyTerm {
  readonly kind: "cross-entropy";
  readonly weight: Scheduled;
  /** 0 where left out. */
  readonly labelSmoothing?: number;
  /** Where labels are classes; all count alike where left out. */
  readonly classWeights?: ClassWeights | undefined;
}

/** Cross-entropy of the student with what it finds likeliest itself. */
export interface ConfidenceTerm {
  readonly kind: "confidence";
  readonly weight: Scheduled;
  /**
   * Every class is likeliest in as many of a step's rows as the teacher's soft, or hard, labels give it; left out, what is likeliest
   * is taken as it is, and always in evaluations, which have no steps.
   */
  readonly classShares?: "soft" | "hard";
}

export type ObjectiveTerm = DivergenceTerm | CrossEntropyTerm | ConfidenceTerm | FeatureTerm;

/** Terms by name, in the order in which they were written. */
export type Objective = Readonly<Record<string, ObjectiveTerm>>;

/** A term at one step: nothing of it is scheduled. */
export type SettledTerm = ObjectiveTerm & { readonly weight: number; readonly temperature?: number };

/** An objective at one step: every weight and temperature is a number. */
export type SettledObjective = Readonly<Record<string, SettledTerm>>;

/** The objective with the weights and temperatures of step `step` (from 1) of `steps`. */
export function objectiveAt(objective: Objective, step: number, steps: number): SettledObjective {
  const settled = Object.entries(objective).map(([name, term]) => {
    const weight = valueAt(term.weight, step, steps);
    if (term.kind !== "divergence") return [name, { ...term, weight }] as const;
    return [name, { ...term, weight, temperature: valueAt(term.temperature, step, steps) }] as const;
  });
  return Object.fromEntries(settled) as SettledObjective;
}

/** The objective with the weights and temperatures that a long run ends with. */
export function finalObjective(objective: Objective): SettledObjective {
  return objectiveAt(objective, Number.POSITIVE_INFINITY, 1);
}

/** Names of the terms whose weight is not a constant. */
export function scheduledTerms(objective: Objective): readonly string[] {
  return Object.keys(objective).filter((name) => typeof objective[name]!.weight !== "number");
}

/** Names of the terms whose temperature is not a constant. */
export function temperedTerms(objective: Objective): readonly string[] {
  return Object.entries(objective).flatMap(([name, term]) =>
    term.kind === "divergence" && typeof term.temperature !== "number" ? [name] : [],
  );
}

/** The divergence's own options of a term, without the keys that every divergence term has. */
export function divergenceOptionsOf(term: DivergenceTerm): Readonly<Record<string, unknown>> {
  const common = new Set(["kind", ...Object.keys(divergenceKeys)]);
  return Object.fromEntries(Object.entries(term).filter(([key]) => !common.has(key)));
}

/**
 * A divergence term whose name is looked up, and whose own options are checked and completed, among the divergences
 * defined by the time a config is parsed: the user's included.
 */
function divergenceTerm(kind: z.ZodLiteral<"divergence"> | z.ZodDefault<z.ZodLiteral<"divergence">>) {
  return z
    .looseObject({ kind, ...divergenceKeys })
    .superRefine(checkDivergence, { when: ({ value }) => typeof value === "object" })
    .transform((term) => ({
      ...term,
      ...(findDivergence(term.divergence)?.options.safeParse(divergenceOptionsOf(term)).data as object | undefined),
    }));
}

function checkDivergence(term: DivergenceTerm, context: z.RefinementCtx): void {
  const { divergence: name } = term;
  if (typeof name !== "string") return; // already reported: checks run beside other problems, so that all are reported at once
  const divergence = findDivergence(name);
  if (divergence === undefined) {
    context.addIssue({ code: "invalid_value", values: divergenceNames(), input: name, path: ["divergence"] });
    return;
  }
  const parsed = divergence.options.safeParse(divergenceOptionsOf(term));
  context.issues.push(...((parsed.error?.issues ?? []) as z.core.$ZodRawIssue[]));
}
