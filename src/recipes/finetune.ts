/**
 * @file `finetune`: a model goes on learning from text alone. It makes teachers, ceilings and baselines.
 *
 * The ordinary language-model loss: the mean negative log-probability of the next token.
 */

import type { Objective } from "../losses/options.js";
import { checkRunDirectory } from "../training/run-directory.js";
import { openData } from "./open-data.js";
import { openStudent } from "./open-models.js";
import { finetuneConfigSchema } from "./own-text-options.js";
import { defineRecipe } from "./recipe.js";
import { trainAndReport } from "./train-and-report.js";

const objective: Objective = { hard: { kind: "cross-entropy", weight: 1 } };

export const finetune = defineRecipe({
  name: "finetune",
  config: finetuneConfigSchema,

  async run(context) {
    const { config, emit, signal } = context;
    const download = { onEvent: emit, signal };
    await checkRunDirectory(config.output, config, context.resume);
    emit({ type: "phase", phase: "student", message: "opening the model" });
    const student = await openStudent(config.student, undefined, { ...config.data, ...config.training }, download);
    const data = await openData(config.data, student, emit);
    return trainAndReport(context, { teacher: undefined, student, data, objective });
  },
});
