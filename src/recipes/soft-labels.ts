/**
 * @file `soft-labels`: the student learns the teacher's whole next-token distribution on given text.
 *
 * Both sides read the same tokens. At every learned token the objective compares the two distributions (softened by a
 * temperature) and, where it has a hard term, the student with the text itself.
 *
 * Several teachers are mixed in probability space: the student learns the weighted mean of their distributions.
 *
 * Use it where the teacher's tokenizer is the student's. Not for teachers that can only be asked for text.
 *
 * Hinton, Vinyals & Dean 2015 (arXiv:1503.02531); for language models, word-level distillation of Kim & Rush 2016
 * (arXiv:1606.07947) §3.1.
 */

import { checkRunDirectory } from "../training/run-directory.js";
import { openData } from "./open-data.js";
import { assertOneVocabulary, openStudent, openTeachers } from "./open-models.js";
import { defineRecipe } from "./recipe.js";
import { softLabelsConfigSchema } from "./soft-labels-options.js";
import { trainAndReport } from "./train-and-report.js";

export const softLabels = defineRecipe({
  name: "soft-labels",
  config: softLabelsConfigSchema,

  async run(context) {
    const { config, emit, signal } = context;
    const download = { onEvent: emit, signal };
    await checkRunDirectory(config.output, config, context.resume);
    emit({ type: "phase", phase: "teacher", message: `opening the teacher, ${config.teacher.model}` });
    const teacher = await openTeachers(config.teacher, download);
    emit({ type: "phase", phase: "student", message: "opening the student" });
    const student = await openStudent(config.student, teacher, { ...config.data, ...config.training }, download);
    assertOneVocabulary(teacher, student);
    const data = await openData(config.data, student, emit);
    return trainAndReport(context, { teacher, student, data, objective: config.objective });
  },
});
