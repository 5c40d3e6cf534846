/**
 * @file `weak-to-strong`: a strong student learns from the labels of a weak teacher, and from ground truth where rows have it.
 *
 * With L the ordinary loss on rows with ground truth, and λ the weight of what the weak teacher says about all rows:
 *
 *     min over θ of L(θ) + λ · KL(Pr_w(· | x) ‖ Pr_s(· | x; θ))
 *
 * One run trains the weak teacher (where it is not there already), the student, students at other λ, and the ceiling: the
 * student's start on ground truth of all its rows. It reports the performance gap recovered.
 *
 * Use it where ground truth is short and a weaker model can label. Not where the weak model is the stronger one at the task: the
 * report then has no gap to speak of. In language modelling a row without ground truth is still read: its tokens come before the
 * positions that the weak teacher labels, and are no targets themselves.
 *
 * Xiao & Zhu 2025, "Foundations of Large Language Models", ch. 4 (arXiv:2501.09223); Burns et al. 2023, "Weak-to-Strong
 * Generalization" (arXiv:2312.09390).
 */

import type * as z from "zod";
import { batchProblems, resolveBatchTokens } from "../training/options.js";
import { checkRunDirectory } from "../training/run-directory.js";
import { learnFromWeak } from "./learn-from-weak.js";
import { openWeakToStrong } from "./open-weak-to-strong.js";
import { recipeSchema } from "./options.js";
import { defineRecipe } from "./recipe.js";
import {
  confidenceSchema,
  groundTruthSchema,
  strongSchema,
  weakLabelsSchema,
  weakSchema,
} from "./weak-to-strong-options.js";

const schema = recipeSchema("weak-to-strong", {
  weak: weakSchema,
  student: strongSchema,
  weakLabels: weakLabelsSchema,
  groundTruth: groundTruthSchema,
  confidence: confidenceSchema.optional(),
})
  .superRefine((config, context) => {
    const refuse = (path: readonly string[], message: string) =>
      context.addIssue({ code: "custom", path: [...path], message });
    const { weak, weakLabels, groundTruth, confidence } = config;
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
    for (const { key, message } of weak.training ? batchProblems(weak.training, config.data) : []) {
      refuse(["weak", "training", key], message);
    }
  })
  .transform((config) => {
    const { weak, data, training } = config;
    const own = weak.train === undefined ? undefined : resolveBatchTokens(weak.training ?? training, data);
    return { ...config, weak: { ...weak, training: own } };
  });

/** A validated config. */
export type WeakToStrongConfig = z.output<typeof schema>;

export const weakToStrong = defineRecipe({
  name: "weak-to-strong",
  config: schema,

  async run(context) {
    const { config } = context;
    await checkRunDirectory(config.output, config, context.resume);
    const opened = await openWeakToStrong(config, context.emit, context.signal);
    return learnFromWeak(context, opened);
  },
});
