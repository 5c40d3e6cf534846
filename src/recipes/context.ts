/**
 * @file `context`: the student learns to answer without the context that the teacher sees.
 *
 * With c the full context, c' a simplified or empty one, z the input and y the response, at every token of y:
 *
 *     min over θ of the mean of Loss(Pr_t(· | c, z, y_before), Pr_s(· | c', z, y_before; θ))
 *
 * Prompts are templates over the row's fields. Both sides score the same response ids, aligned by their place in the
 * response; the teacher's longer prompt is never cut to the student's length.
 *
 * Xiao & Zhu 2025, "Foundations of Large Language Models", ch. 3, prompt length reduction (arXiv:2501.09223); Snell, Klein &
 * Zhong 2022, "Learning by Distilling Context" (arXiv:2209.15189).
 */

import { objectiveSchema } from "../losses/options.js";
import { cacheSchema } from "../signals/cache/index.js";
import { checkRunDirectory } from "../training/run-directory.js";
import { openData } from "./open-data.js";
import { assertOneVocabulary, openStudent, openTeacher } from "./open-models.js";
import { promptedStudentSchema, promptedTeacherSchema, recipeSchema } from "./options.js";
import { defineRecipe } from "./recipe.js";
import { trainAndReport } from "./train-and-report.js";

export const context = defineRecipe({
  name: "context",
  config: recipeSchema("context", {
    teacher: promptedTeacherSchema,
    student: promptedStudentSchema,
    objective: objectiveSchema,
    cache: cacheSchema.optional(),
  }),

  async run(context) {
    const { config, emit, signal } = context;
    const download = { onEvent: emit, signal };
    await checkRunDirectory(config.output, config, context.resume);
    emit({ type: "phase", phase: "teacher", message: `opening the teacher, ${config.teacher.model}` });
    const teacher = await openTeacher(config.teacher, download);
    emit({ type: "phase", phase: "student", message: "opening the student" });
    const student = await openStudent(config.student, teacher, { ...config.data, ...config.training }, download);
    assertOneVocabulary(teacher, student);
    const prompts = { teacher: config.teacher.prompt, student: config.student.prompt };
    const data = await openData(config.data, student, emit, prompts);
    return trainAndReport(context, { teacher, student, data, objective: config.objective });
  },
});
