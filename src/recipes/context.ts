/**
 * @file `context`: the student learns to answer without the context that the teacher sees.
 *
 * With c the full context, c' a simplified or empty one, z the input and y the response, at every token of y:
 *
 *     min over θ of the mean of Loss(Pr_t(· | c, z, y_before), Pr_s(· | c', z, y_before; θ))
 *
 * Prompts are templates over the row's fields. Both sides score the same response ids, aligned by their place in the
 * response; the teacher's longer prompt is never cut to the student's length. Responses are the rows' own, or the teacher's, who
 * writes them with c before its eyes. The teacher may be the student's own start, or its moving average.
 *
 * Xiao & Zhu 2025, "Foundations of Large Language Models", ch. 3, prompt length reduction (arXiv:2501.09223); Snell, Klein &
 * Zhong 2022, "Learning by Distilling Context" (arXiv:2209.15189). The moving average is that of Tarvainen & Valpola 2017, "Mean
 * teachers are better role models" (arXiv:1703.01780) §2.
 */

import { checkRunDirectory } from "../training/run-directory.js";
import { contextConfigSchema } from "./context-options.js";
import { openContextData } from "./open-context-data.js";
import { assertOneConversation, assertOneVocabulary, openStudent, openTeacher } from "./open-models.js";
import { defineRecipe } from "./recipe.js";
import { trainAndReport } from "./train-and-report.js";

export const context = defineRecipe({
  name: "context",
  config: contextConfigSchema,

  async run(context) {
    const { config, emit, signal } = context;
    const download = { onEvent: emit, signal };
    await checkRunDirectory(config.output, config, context.resume);
    emit({ type: "phase", phase: "teacher", message: `opening the teacher, ${config.teacher.model}` });
    const teacher = await openTeacher(config.teacher, download);
    emit({ type: "phase", phase: "student", message: "opening the student" });
    const student = await openStudent(config.student, teacher, { ...config.data, ...config.training }, download);
    assertOneVocabulary(teacher, student);
    assertOneConversation(teacher, student, config.data.template);
    const data = await openContextData(context, { teacher, student });
    const parts = { movingAverage: config.teacher.movingAverage, writing: data.writing };
    return trainAndReport(context, { teacher, student, data, objective: config.objective, context: parts });
  },
});
