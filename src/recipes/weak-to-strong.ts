/**
 * @file `weak-to-strong`: a strong student learns from the labels of a weak teacher, and from ground truth where rows have it.
 *
 * With L the ordinary loss on rows with ground truth, and λ the weight of what the weak teacher says about all rows:
 *
 *     min over θ of L(θ) + λ · KL(Pr_w(· | x) ‖ Pr_s(· | x; θ))
 *
 * One run trains the weak teacher (where it is not there already), the student, students at other λ, and the ceiling: the
 * student's start on ground truth of all its rows. It reports the performance gap recovered. A config with `classes` is about
 * classifiers, one without about language models.
 *
 * Use it where ground truth is short and a weaker model can label. Not where the weak model is the stronger one at the task: the
 * report then has no gap to speak of. In language modelling a row without ground truth is still read: its tokens come before the
 * positions that the weak teacher labels, and are no targets themselves.
 *
 * Xiao & Zhu 2025, "Foundations of Large Language Models", ch. 4 (arXiv:2501.09223); Burns et al. 2023, "Weak-to-Strong
 * Generalization" (arXiv:2312.09390).
 */

import * as z from "zod";
import { classDataSchema } from "../data/class-options.js";
import { batchProblems, resolveBatchTokens, type TrainingOptions } from "../training/options.js";
import { checkRunDirectory } from "../training/run-directory.js";
import { classNamesSchema } from "./class-options.js";
import { learnClassesFromWeak } from "./learn-classes-from-weak.js";
import { learnFromWeak } from "./learn-from-weak.js";
import { openWeakClassifiers } from "./open-weak-classifiers.js";
import { openWeakToStrong } from "./open-weak-to-strong.js";
import { recipeSchema, recipeSchemaFor } from "./options.js";
import { defineRecipe } from "./recipe.js";
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

export const weakToStrong = defineRecipe({
  name: "weak-to-strong",
  config: z.union([languageSchema, classSchema]),

  async run(context) {
    const { config, emit, signal } = context;
    await checkRunDirectory(config.output, config, context.resume);
    if ("classes" in config) {
      return learnClassesFromWeak({ ...context, config }, await openWeakClassifiers(config, emit, signal));
    }
    return learnFromWeak({ ...context, config }, await openWeakToStrong(config, emit, signal));
  },
});
