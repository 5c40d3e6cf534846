/**
 * @file `sequence`: a writer writes responses to prompts, and the student learns the text that the filters keep.
 *
 * With ŷ a response of the writer to the prompt x, instead of the writer's whole distribution over responses:
 *
 *     min over θ of the mean of −log Pr_s(ŷ | x; θ)
 *
 * The text is all that the two share: their tokenizers may differ, and the writer may be larger than the student, smaller, or a
 * server. Where it is a model on this machine with the student's tokenizer, the report compares the two as teacher and student.
 *
 * Kim & Rush 2016, "Sequence-Level Knowledge Distillation", §3.2 (arXiv:1606.07947; they take the likeliest ŷ by beam search,
 * we a greedy one or samples); Xiao & Zhu 2025, "Foundations of Large Language Models", ch. 4, small models for large ones
 * (arXiv:2501.09223).
 */

import type { Objective } from "../losses/options.js";
import { openWrittenSequence } from "./open-sequence-data.js";
import { defineRecipe } from "./recipe.js";
import { sequenceConfigSchema } from "./sequence-options.js";
import { trainAndReport } from "./train-and-report.js";

const objective: Objective = { hard: { kind: "cross-entropy", weight: 1 } };

export const sequence = defineRecipe({
  name: "sequence",
  config: sequenceConfigSchema,

  async run(context) {
    const { teacher, student, data, writing } = await openWrittenSequence(context);
    return trainAndReport(context, { teacher, student, data, objective, writing });
  },
});
