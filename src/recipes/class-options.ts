/** @file The `teacher:` and `student:` sections of the recipe `classification`. */

import * as z from "zod";
import { featureTermsOf, layersRefusal } from "../losses/features/feature-terms.js";
import type { Objective } from "../losses/options.js";
import { bagOfNGramsType } from "../models/bag-of-n-grams.js";
import { promptKeys } from "./context-options.js";
import { model, modelForms } from "./model-option.js";
import { teacherSchema } from "./options.js";
import { shapeSchema } from "./student-options.js";

const size = z.int().positive();

/** The `classes:` of a config: at least two different names. */
export const classNamesSchema = z
  .array(z.string().min(1))
  .min(2)
  .refine((classes) => new Set(classes).size === classes.length, { error: "expected different names" });

/** No teacher of classes hands over layers, whether it is a classifier, a language model by words or the rows. */
export function refuseFeatures(objective: Objective, context: z.RefinementCtx<Objective>): void {
  for (const [name, { feature }] of featureTermsOf(objective)) {
    context.addIssue({ code: "custom", path: [name], message: layersRefusal(feature, "dense") });
  }
}

/** A classifier, or a language model that tells classes by words. */
export const classTeacherSchema = teacherSchema
  .safeExtend({
    ...promptKeys,
    sequenceLength: size
      .min(2)
      .optional()
      .describe("Tokens that the teacher reads of a text, its prompt included. Default: data.sequenceLength."),
    labelWords: z
      .record(z.string(), z.string().min(1))
      .optional()
      .describe(
        "For a language model: by class the word, one token, whose probability after the prompt is that of the class.",
      ),
    calibrate: z
      .boolean()
      .optional()
      .describe(
        "With labelWords: divide by what the words get after texts without content (Zhao et al. 2021). Default: true.",
      ),
    template: z
      .string()
      .min(1)
      .optional()
      .describe('With labelWords: the chat template around the prompt, "auto", "none" or a Jinja file. Default: auto.'),
  })
  .superRefine(
    (teacher, context) => {
      const refuse = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
      const prompts = [teacher.prompt, teacher.messages].filter((each) => each !== undefined).length;
      if (teacher.labelWords !== undefined) {
        const got = prompts === 0 ? "neither" : "both";
        if (prompts !== 1)
          context.addIssue(`expected beside labelWords what the teacher sees, prompt or messages, got ${got}`);
        return;
      }
      for (const key of ["prompt", "messages", "calibrate", "template"] as const) {
        if (teacher[key] !== undefined) refuse(key, "expected only beside labelWords");
      }
    },
    { when: ({ value }) => typeof value === "object" },
  )
  .describe(
    "The model whose classes are learned: a classifier, or a language model with labelWords. Left out, the rows' own probabilities teach, or labels alone.",
  );

export type ClassTeacherOptions = z.output<typeof classTeacherSchema>;

const bagSchema = z.strictObject({
  modelType: z.literal(bagOfNGramsType).describe("The mean of the embeddings of a text's n-grams."),
  buckets: size.min(2).default(16_384).describe("Rows of the embedding table; n-grams are hashed into them."),
  hiddenSize: size.default(16).describe("Width of an embedding."),
  wordNGrams: size.max(8).default(2).describe("Longest run of words that is an n-gram."),
  characterNGrams: z
    .tuple([size, size])
    .nullable()
    .default(null)
    .describe("Shortest and longest run of characters within words, such as [3, 5]; null: words only."),
});

const encoderSchema = z.strictObject({
  modelType: z.enum(["bert", "distilbert"]).describe("The architecture: BERT, or DistilBERT without segments."),
  layers: size.describe("Transformer blocks."),
  hiddenSize: size.describe("Width of the residual stream, a multiple of heads."),
  heads: size.describe("Attention heads."),
  feedForwardSize: size.describe("Width inside the feed-forward block."),
  maxPositions: size.optional().describe("Longest text that there are positions for. Default: data.sequenceLength."),
});

/** A classifier from random weights. */
export const classShapeSchema = z.union([bagSchema, encoderSchema, shapeSchema]);

export type ClassShape = z.output<typeof classShapeSchema>;

export const classStudentSchema = z
  .strictObject({
    model: model
      .optional()
      .describe(
        `The model to start from, which gets a class head where it has none: ${modelForms}; give this or \`shape\`.`,
      ),
    shape: classShapeSchema.optional().describe("A new model with random weights; give this or `model`."),
    tokenizer: model
      .optional()
      .describe(
        "With `shape`: the model, or its folder, whose tokenizer files the student gets. Default: the teacher's.",
      ),
  })
  .superRefine(
    ({ model, shape, tokenizer }, context) => {
      if ((model === undefined) === (shape === undefined)) {
        const got = model === undefined ? "neither" : "both";
        context.addIssue(`expected where the student starts, model or shape, got ${got}`);
      }
      const needsNone = shape?.modelType === bagOfNGramsType;
      if (tokenizer !== undefined && (shape === undefined || needsNone)) {
        const message = needsNone
          ? "expected none beside a bag of n-grams, which reads text itself"
          : "expected only beside shape; a student that starts from a model keeps that model's tokenizer";
        context.addIssue({ code: "custom", path: ["tokenizer"], message });
      }
    },
    { when: ({ value }) => typeof value === "object" },
  )
  .describe("The model that learns.");

export type ClassStudentOptions = z.output<typeof classStudentSchema>;
