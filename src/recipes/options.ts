/** @file The config keys that recipes share: teacher, student, device, threads and output, and the checks across sections. */

import * as z from "zod";
import { dataOptionsSchema } from "../data/options.js";
import { featureTermsOf } from "../losses/features/feature-terms.js";
import type { Objective } from "../losses/options.js";
import { batchProblems, resolveBatchTokens, trainingSchema } from "../training/options.js";
import { precisions } from "../weights/quantize/precision.js";
import { model, modelForms } from "./model-option.js";

export { refuseSoftPrompt, type StudentOptions, studentSchema } from "./student-options.js";

/** The `teacher:` section. */
export const teacherSchema = z
  .strictObject({
    model: model.describe(`The model that teaches: ${modelForms}.`),
    precision: z
      .enum(precisions)
      .default("float32")
      .describe(
        "What the teacher computes in: float32, or weights of 8 or 4 bits, which take less than half the memory; the report says what that costs.",
      ),
  })
  .describe("The model whose distributions are learned.");

export type TeacherOptions = z.output<typeof teacherSchema>;

const weight = z.number().positive().default(1);

/** The same for a recipe that several teachers may teach at once. */
export const mixedTeacherSchema = teacherSchema
  .extend({
    weight: weight.describe(
      "With mixWith: how much this teacher counts. Only the ratios of the weights mean something.",
    ),
    mixWith: z
      .array(
        z.strictObject({
          model: model.describe(`Another model that teaches: ${modelForms}.`),
          weight: weight.describe("How much it counts."),
        }),
      )
      .min(1)
      .optional()
      .describe(
        "Other teachers with the same tokenizer. The student learns the weighted mean of all their distributions; a temperature softens that mean. Left out: one teacher.",
      ),
  })
  .describe("The model whose distributions are learned, or several of them.");

export type MixedTeacherOptions = z.output<typeof mixedTeacherSchema>;

/**
 * The whole schema of a recipe: its own sections, and what every recipe has. Relative paths in it start from the current
 * directory, as on a command line.
 *
 * @example
 * const config = recipeSchema("soft-labels", { teacher: teacherSchema, student: studentSchema, objective: objectiveSchema });
 */
export function recipeSchema<Name extends string, Sections extends z.ZodRawShape>(name: Name, sections: Sections) {
  return recipeSchemaFor(name, sections, dataOptionsSchema);
}

/** {@link recipeSchema} for a recipe whose rows are of another kind. */
export function recipeSchemaFor<
  Name extends string,
  Sections extends z.ZodRawShape,
  Data extends z.ZodType<Pick<CommonSections["data"], "sequenceLength" | "packing">>,
>(name: Name, sections: Sections, dataSchema: Data) {
  return z
    .strictObject({
      recipe: z.literal(name).describe("The way to distil."),
      ...sections,
      data: dataSchema.describe("Which rows, split and laid out how."),
      training: trainingSchema,
      device: z.enum(["cpu"]).default("cpu").describe("Where the engine computes."),
      threads: z
        .union([z.literal("auto"), z.int().positive()])
        .default("auto")
        .describe("Threads of the engine; auto: one per core."),
      output: z
        .string()
        .min(1)
        .default(`runs/${name}`)
        .describe("The run's folder; an occupied one is never written over."),
    })
    .superRefine(
      (config, context) => {
        const { data, training, cache, objective, teacher } = config as Partial<CommonSections>;
        if (cache && teacher?.mixWith) {
          const message =
            "expected no cache, because it holds what one teacher says, and teacher.mixWith has others, got one";
          context.addIssue({ code: "custom", path: ["cache"], message });
        }
        for (const [name, { feature }] of teacher?.mixWith ? featureTermsOf(objective ?? {}) : []) {
          const message = `expected no ${feature}, because it compares layers, of which several teachers have no common ones, got one beside teacher.mixWith`;
          context.addIssue({ code: "custom", path: ["objective", name], message });
        }
        for (const [name, { feature }] of cache ? featureTermsOf(objective ?? {}) : []) {
          const what = `objective.${name} (${feature}) compares what the teacher's layers compute`;
          const message = `expected the teacher to run live, because ${what}, which a cache does not hold, got a cache`;
          context.addIssue({ code: "custom", path: ["cache"], message });
        }
        if (training?.balance === "gradient-norm") {
          for (const [name] of featureTermsOf(objective ?? {})) {
            const message = `expected none, because objective.${name} compares layers and has no gradient by the logits, got gradient-norm`;
            context.addIssue({ code: "custom", path: ["training", "balance"], message });
          }
        }
        if (typeof data?.sequenceLength !== "number" || training === undefined) return;
        for (const { key, message } of batchProblems(training, data)) {
          context.addIssue({ code: "custom", path: ["training", key], message });
        }
        if (training.twin && !("teacher" in sections)) {
          const reason =
            "weak" in sections ? "has students at other weakLabels.weight, 0 included" : "has no teacher to do without";
          const message = `expected false, because ${name} ${reason}, got true`;
          context.addIssue({ code: "custom", path: ["training", "twin"], message });
        }
      },
      { when: ({ value }) => typeof value === "object" },
    )
    .transform((config) => {
      const { data, training } = config as unknown as CommonSections;
      return { ...config, training: resolveBatchTokens(training, data) };
    });
}

interface CommonSections {
  readonly data: z.output<typeof dataOptionsSchema>;
  readonly training: z.output<typeof trainingSchema>;
  readonly cache?: unknown;
  readonly teacher?: { readonly mixWith?: unknown };
  readonly objective?: Objective;
}
