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

import { checkRunDirectory } from "../training/run-directory.js";
import { learnClassesFromWeak } from "./learn-classes-from-weak.js";
import { learnFromWeak } from "./learn-from-weak.js";
import { openWeakClassifiers } from "./open-weak-classifiers.js";
import { openWeakToStrong } from "./open-weak-to-strong.js";
import { defineRecipe } from "./recipe.js";
import { weakToStrongConfigSchema } from "./weak-to-strong-config.js";

export const weakToStrong = defineRecipe({
  name: "weak-to-strong",
  config: weakToStrongConfigSchema,

  async run(context) {
    const { config, emit, signal } = context;
    await checkRunDirectory(config.output, config, context.resume);
    if ("classes" in config) {
      return learnClassesFromWeak({ ...context, config }, await openWeakClassifiers(config, emit, signal));
    }
    return learnFromWeak({ ...context, config }, await openWeakToStrong(config, emit, signal));
  },
});
