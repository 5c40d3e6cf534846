/** @file The config of the `context` recipe: what each side sees, who teaches, and where the responses come from. */

import * as z from "zod";
import { type PromptOptions, promptOptionsSchema } from "../data/prompt.js";
import { objectiveSchema } from "../losses/options.js";
import { cache, checkStore } from "./cache-option.js";
import { checkGeneration, generationKeys } from "./generation-options.js";
import { model, modelForms } from "./model-option.js";
import { recipeSchema, studentSchema, teacherSchema } from "./options.js";

const messages = z.array(z.strictObject({ role: z.string().min(1), content: z.string() })).min(1);

/** Keys that say what a side sees. */
export const promptKeys = {
  prompt: promptOptionsSchema
    .optional()
    .describe(
      "What this side sees before the response: a Jinja template over the row's fields; give this or `messages`.",
    ),
  messages: messages
    .optional()
    .describe("The same as messages for the chat template, with templates in their contents."),
};

export interface PromptKeys {
  readonly prompt?: PromptOptions | undefined;
  readonly messages?: z.output<typeof messages> | undefined;
}

function checkPrompt({ prompt, messages }: PromptKeys, context: z.RefinementCtx): void {
  if ((prompt === undefined) === (messages === undefined)) {
    context.addIssue(
      `expected what this side sees, prompt or messages, got ${prompt === undefined ? "neither" : "both"}`,
    );
  }
}

export function withPrompt<Side extends PromptKeys>({
  messages,
  ...side
}: Side): Omit<Side, "messages"> & { readonly prompt: PromptOptions } {
  return { ...side, prompt: side.prompt ?? { messages: messages ?? [] } };
}

const contextTeacherSchema = teacherSchema
  .omit({ model: true })
  .safeExtend({
    model: model.optional().describe(`The model that teaches: ${modelForms}; give this or \`from\`.`),
    from: z
      .literal("student")
      .optional()
      .describe("The student's own start teaches, with the context before its eyes; give this or `model`."),
    movingAverage: z
      .number()
      .gt(0)
      .lt(1)
      .optional()
      .describe(
        "The teacher follows the student: after every step each of its weights is this share of itself and the rest of the student's. Needs the student's start as teacher. Left out, the teacher stays as it is.",
      ),
    ...promptKeys,
  })
  .describe("The model whose distributions are learned, and what it sees.")
  .superRefine(
    (teacher, context) => {
      checkPrompt(teacher, context);
      const { model, from, movingAverage, precision } = teacher;
      if ((model === undefined) === (from === undefined)) {
        context.addIssue(`expected who teaches, model or from, got ${model === undefined ? "neither" : "both"}`);
      }
      if (movingAverage !== undefined && precision !== "float32") {
        const message = "expected float32 beside movingAverage, because rounded weights cannot follow small steps";
        context.addIssue({ code: "custom", path: ["precision"], message });
      }
    },
    { when: ({ value }) => typeof value === "object" },
  )
  .transform(withPrompt);

const contextStudentSchema = studentSchema
  .safeExtend(promptKeys)
  .describe("The model that learns, and what it sees.")
  .superRefine(checkPrompt, { when: ({ value }) => typeof value === "object" })
  .transform(withPrompt);

/** The `responses:` section. */
export const responsesSchema = z
  .strictObject({
    from: z.literal("teacher").describe("The teacher writes the responses, with the context before its eyes."),
    ...generationKeys,
  })
  .superRefine(checkGeneration, { when: ({ value }) => typeof value === "object" })
  .describe("Where the responses come from; left out, every row has a `response` of its own.");

export type ResponsesOptions = z.output<typeof responsesSchema>;

/** The whole config. A teacher `from: student` is resolved to the model that the student starts from. */
export const contextConfigSchema = recipeSchema("context", {
  teacher: contextTeacherSchema,
  student: contextStudentSchema,
  responses: responsesSchema.optional(),
  objective: objectiveSchema,
  cache,
})
  .superRefine(checkStore)
  .superRefine(({ teacher, student, cache }, context) => {
    if (teacher.movingAverage !== undefined && cache !== undefined) {
      const message = "expected none beside teacher.movingAverage: that teacher says something else after every step";
      context.addIssue({ code: "custom", path: ["cache"], message });
    }
    if (teacher.movingAverage !== undefined && student.softPrompt !== undefined) {
      const message = "expected none beside student.softPrompt: the weights of such a student stay as they are";
      context.addIssue({ code: "custom", path: ["teacher", "movingAverage"], message });
    }
    if (teacher.from !== undefined && student.model === undefined) {
      const message = "expected a student that starts from a model, which then teaches; name it in student.model";
      context.addIssue({ code: "custom", path: ["teacher", "from"], message });
    } else if (teacher.movingAverage !== undefined && teacher.from === undefined && teacher.model !== student.model) {
      const message = "expected only where the student's start teaches; set teacher.from: student instead of model";
      context.addIssue({ code: "custom", path: ["teacher", "movingAverage"], message });
    }
  })
  .transform(({ teacher: { from: _, model, ...teacher }, ...config }) => ({
    ...config,
    teacher: { ...teacher, model: model ?? config.student.model! },
  }));

export type ContextConfig = z.output<typeof contextConfigSchema>;
