/** @file The config of the `sequence` recipe: who writes, what is kept of it, and who learns from it. */

import * as z from "zod";
import { type PromptOptions, promptOptionsSchema } from "../data/prompt.js";
import { endpointSchema } from "../writing/endpoint-options.js";
import { filtersSchema } from "../writing/filter-options.js";
import { type PromptKeys, promptKeys } from "./context-options.js";
import { checkGeneration, generationKeys } from "./generation-options.js";
import { model, modelForms } from "./model-option.js";
import { recipeSchema, refuseSoftPrompt, studentSchema, teacherSchema } from "./options.js";

const defaultPrompt: PromptOptions = "{{ prompt }}";

function checkPrompt({ prompt, messages }: PromptKeys, context: z.RefinementCtx): void {
  if (prompt !== undefined && messages !== undefined) context.addIssue("expected prompt or messages, got both");
}

function promptOf({ prompt, messages }: PromptKeys): PromptOptions | undefined {
  return prompt ?? (messages && { messages });
}

const writerSchema = teacherSchema
  .omit({ model: true })
  .safeExtend({
    model: model.optional().describe(`The model that writes: ${modelForms}; give this or \`endpoint\`.`),
    endpoint: endpointSchema.optional().describe("A server that writes, by OpenAI's API; give this or `model`."),
    ...promptKeys,
    prompt: promptOptionsSchema
      .optional()
      .describe(
        'What the writer sees: a Jinja template over the row\'s fields, or give `messages`. Default: "{{ prompt }}".',
      ),
  })
  .describe("Who writes the responses, and what it sees.")
  .superRefine(
    (writer, context) => {
      checkPrompt(writer, context);
      const { model, endpoint, precision } = writer;
      if ((model === undefined) === (endpoint === undefined)) {
        context.addIssue(`expected who writes, model or endpoint, got ${model === undefined ? "neither" : "both"}`);
      }
      if (endpoint !== undefined && precision !== "float32") {
        context.addIssue({ code: "custom", path: ["precision"], message: "expected only beside model" });
      }
      if (endpoint?.api === "completions" && typeof promptOf(writer) === "object") {
        const message = "expected a prompt of text for api: completions, got messages";
        context.addIssue({ code: "custom", path: ["messages"], message });
      }
    },
    { when: ({ value }) => typeof value === "object" },
  )
  .transform(({ messages, prompt, model, endpoint, precision }) => ({
    prompt: promptOf({ prompt, messages }) ?? defaultPrompt,
    ...(endpoint === undefined ? { model: model!, precision } : { endpoint }),
  }));

export type WriterOptions = z.output<typeof writerSchema>;

const sequenceStudentSchema = studentSchema
  .safeExtend({
    ...promptKeys,
    prompt: promptOptionsSchema
      .optional()
      .describe("What the student sees before the response, or give `messages`. Default: what the writer sees."),
  })
  .describe("The model that learns. `from: teacher` starts from the writer, where that is a model.")
  .superRefine(checkPrompt, { when: ({ value }) => typeof value === "object" })
  .superRefine(refuseSoftPrompt, { when: ({ value }) => typeof value === "object" })
  .transform(({ messages, prompt, ...student }) => ({ ...student, prompt: promptOf({ prompt, messages }) }));

const generationSchema = z
  .strictObject({
    ...generationKeys,
    maxTokens: generationKeys.maxTokens.describe(
      "Most tokens of one response; what becomes of one that is cut here, filters.unfinished says.",
    ),
  })
  .superRefine(checkGeneration, { when: ({ value }) => typeof value === "object" })
  .describe("How the responses are written.");

/** The whole config; the student sees what the writer sees unless it says otherwise. */
export const sequenceConfigSchema = recipeSchema("sequence", {
  writer: writerSchema,
  student: sequenceStudentSchema,
  generation: generationSchema.prefault({}),
  filters: filtersSchema.prefault({}),
})
  .superRefine(
    ({ writer, student, generation }, context) => {
      const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
      if (!("endpoint" in writer)) return;
      if (student.from !== undefined) {
        refuse(["student", "from"], "expected a model or a shape, because an endpoint has no weights to start from");
      }
      for (const key of ["topK", "minP", "repetitionPenalty"] as const) {
        if (generation[key] !== undefined) {
          refuse(["generation", key], "expected none beside an endpoint, whose API does not have it");
        }
      }
    },
    { when: ({ value }) => typeof value === "object" },
  )
  .transform((config) => ({
    ...config,
    student: { ...config.student, prompt: config.student.prompt ?? config.writer.prompt },
  }));

export type SequenceConfig = z.output<typeof sequenceConfigSchema>;
