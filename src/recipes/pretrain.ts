/**
 * @file `pretrain`: a new model learns from text alone, from random weights. It makes teachers.
 *
 * The ordinary language-model loss: the mean negative log-probability of the next token.
 */

import type { Objective } from "../losses/options.js";
import { checkRunDirectory } from "../training/run-directory.js";
import { openData } from "./open-data.js";
import { openStudent } from "./open-models.js";
import { pretrainConfigSchema } from "./own-text-options.js";
import { defineRecipe } from "./recipe.js";
import { trainAndReport } from "./train-and-report.js";

const objective: Objective = { hard: { kind: "cross-entropy", weight: 1 } };

export const pretrain = defineRecipe({
  name: "pretrain",
  config: pretrainConfigSchema,

  async run(context) {
    const { config, emit, signal } = context;
    const download = { onEvent: emit, signal };
    await checkRunDirectory(config.output, config, context.resume);
    emit({ type: "phase", phase: "student", message: "making the model" });
    const student = await openStudent(config.student, undefined, { ...config.data, ...config.training }, download);
    const data = await openData(config.data, student, emit);
    return trainAndReport(context, { teacher: undefined, student, data, objective });
  },
});
