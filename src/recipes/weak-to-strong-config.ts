/** @file The config of the `weak-to-strong` recipe: of language models, or of classifiers where it has `classes`. */

import * as z from "zod";
import { classDataSchema } from "../data/class-options.js";
import { batchProblems, resolveBatchTokens, type TrainingOptions } from "../training/options.js";
import { classNamesSchema } from "./class-options.js";
import { recipeSchema, recipeSchemaFor } from "./options.js";
import {
  confidenceSchema,
  groundTruthSchema,
  strongClassifierSchema,
  strongSchema,
  type WeakToStrongTerms,
  weakClassifierSchema,
  weakLabelsSchema,
  weakSchema,
} from "./weak-to-strong-options.js";

const terms = {
  weakLabels: weakLabelsSchema,
  groundTruth: groundTruthSchema,
  confidence: confidenceSchema.optional(),
};

const languageSchema = recipeSchema("weak-to-strong", { weak: weakSchema, student: strongSchema, ...terms })
  .superRefine(checkSections)
  .transform(resolveWeakTraining);

const classSchema = recipeSchemaFor(
  "weak-to-strong",
  {
    classes: classNamesSchema.describe("The names of the classes: the models are classifiers."),
    weak: weakClassifierSchema,
    student: strongClassifierSchema,
    ...terms,
  },
  classDataSchema,
)
  .superRefine(checkSections)
  .transform(resolveWeakTraining);

interface Sections extends WeakToStrongTerms {
  readonly weak: Pick<z.output<typeof weakSchema>, "train" | "training">;
  readonly data: { readonly sequenceLength: number; readonly packing: boolean };
}

function checkSections({ weak, weakLabels, groundTruth, confidence, data }: Sections, context: z.RefinementCtx): void {
  const refuse = (path: readonly string[], message: string) =>
    context.addIssue({ code: "custom", path: [...path], message });
  const isLabelled = groundTruth.rows !== "none" && groundTruth.rows !== 0;
  for (const [key, weights] of [
    ["weight", [weakLabels.weight]],
    ["curve", weakLabels.curve ?? []],
  ] as const) {
    if (isLabelled || !weights.includes(0)) continue;
    const message = "expected a number above 0, because without ground truth nothing else is learned, got 0";
    refuse(["weakLabels", key], message);
  }
  if (confidence && typeof weakLabels.weight !== "number") {
    refuse(["weakLabels", "weight"], "expected a number beside confidence, whose warm-up moves it, got a schedule");
  }
  for (const { key, message } of weak.training ? batchProblems(weak.training, data) : []) {
    refuse(["weak", "training", key], message);
  }
}

/** With the weak teacher's own training complete where it is trained. */
function resolveWeakTraining<Config extends Sections & { readonly training: TrainingOptions }>(config: Config) {
  const { weak, data, training } = config;
  const own = weak.train === undefined ? undefined : resolveBatchTokens(weak.training ?? training, data);
  return { ...config, weak: { ...(weak as Config["weak"]), training: own } };
}

/** A validated config of language models. */
export type WeakToStrongConfig = z.output<typeof languageSchema>;

/** A validated config of classifiers. */
export type WeakClassifiersConfig = z.output<typeof classSchema>;

export const weakToStrongConfigSchema = z.union([languageSchema, classSchema]);
