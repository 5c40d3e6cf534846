/** @file The `student:` section of a config: where the student's weights start, and which of them are trained. */

import * as z from "zod";
import { freezeForms } from "../students/freeze.js";
import { model, modelForms } from "./model-option.js";

const size = z.int().positive();

/** A student that starts from random weights. Sizes follow the Llama family's `config.json`, spelled out. */
export const shapeSchema = z
  .strictObject({
    modelType: z.enum(["llama", "mistral", "qwen2", "qwen3"]).default("llama").describe("The architecture."),
    layers: size.describe("Transformer blocks."),
    hiddenSize: size.describe("Width of the residual stream."),
    heads: size.describe("Attention heads."),
    keyValueHeads: size.optional().describe("Heads that keys and values have, a divisor of heads. Default: heads."),
    headDim: size.optional().describe("Width of one head, even. Default: hiddenSize / heads."),
    feedForwardSize: size.describe("Width inside the feed-forward block."),
    tieEmbeddings: z.boolean().default(true).describe("Use the embedding table as the output head."),
    maxPositions: size.optional().describe("Longest sequence that config.json states. Default: data.sequenceLength."),
    ropeTheta: z.number().positive().default(10_000).describe("Base of the rotary position embedding."),
    normEpsilon: z.number().positive().default(1e-5).describe("Epsilon of the RMS norms."),
    vocabSize: size.optional().describe("Width of the output head. Default: the teacher's, or the tokenizer's."),
  })
  .superRefine(
    ({ hiddenSize, heads, keyValueHeads, headDim }, context) => {
      const add = (key: string, text: string): void => context.addIssue({ code: "custom", path: [key], message: text });
      if (heads % (keyValueHeads ?? 1) !== 0)
        add("keyValueHeads", `expected a divisor of heads (${heads}), got ${keyValueHeads}`);
      if (headDim === undefined && hiddenSize % heads !== 0) {
        add("heads", `expected a divisor of hiddenSize (${hiddenSize}), got ${heads}`);
      } else if ((headDim ?? hiddenSize / heads) % 2 !== 0) {
        add(
          headDim === undefined ? "heads" : "headDim",
          `expected heads of even width, got ${headDim ?? hiddenSize / heads}`,
        );
      }
    },
    { when: ({ value }) => typeof value === "object" },
  );

/** Low-rank adapters. Rank, alpha and targets default as in PEFT, but for targets, which are there those of the paper (q and v). */
const adaptersSchema = z.strictObject({
  rank: size.default(8).describe("Width of the two factors of every change; parameters grow with it."),
  alpha: z.number().positive().default(16).describe("The change is alpha / rank · B · A."),
  targets: z
    .union([z.literal("all-linear"), z.array(z.string().min(1)).min(1)])
    .default("all-linear")
    .describe("Which layers: all linear ones of the blocks, or ends of their names, such as [q_proj, v_proj]."),
});

/** A soft prompt. Beyond 20 vectors gains are small (Lester et al. 2021, §3.2). */
const softPromptSchema = z.strictObject({
  tokens: size.default(20).describe("How many vectors are learned; each takes the place of a token in every sequence."),
  start: z
    .union([
      z.enum(["context", "vocabulary", "random"]),
      z.strictObject({ text: z.string().min(1).describe("The text, cut or repeated to the number of vectors.") }),
    ])
    .default("context")
    .describe(
      "What the vectors are at first: the embeddings of what the teacher sees and the student does not (of tokens drawn from the vocabulary where both see the same), of tokens drawn from the vocabulary, of a text; or random.",
    ),
});

/** Keys that say what of the teacher is kept. */
const sliceKeys = ["layers", "chooseLayers", "feedForwardSize", "heads"] as const;

/** The `student:` section: where the student's weights start. */
export const studentSchema = z
  .strictObject({
    model: model.optional().describe(`The model to start from: ${modelForms}; give this, \`shape\` or \`from\`.`),
    shape: shapeSchema.optional().describe("A new model with random weights; give this, `model` or `from`."),
    from: z
      .literal("teacher")
      .optional()
      .describe("Start from the teacher's weights, whole or cut by the next keys; give this, `model` or `shape`."),
    layers: z
      .union([size, z.array(z.int().nonnegative()).min(1)])
      .optional()
      .describe("With `from`: how many of the teacher's layers to keep, or their numbers from 0. Default: all."),
    chooseLayers: z
      .enum(["evenly", "importance"])
      .optional()
      .describe(
        "How a number of layers is chosen: evenly spaced with the first and the last, or those that change their input most on training rows. Default: evenly.",
      ),
    feedForwardSize: size
      .optional()
      .describe(
        "With `from`: how many feed-forward neurons of each layer to keep, by their activation on training rows.",
      ),
    heads: size
      .optional()
      .describe(
        "With `from`: how many attention heads of each layer to keep, in whole groups that share keys and values, by the norm of their outputs on training rows.",
      ),
    adapters: adaptersSchema
      .optional()
      .describe("Train low-rank adapters (LoRA) and leave the model's own weights as they are."),
    softPrompt: softPromptSchema
      .optional()
      .describe("Train vectors that stand before every text, and leave all of the model's weights as they are."),
    freeze: z.array(z.string().min(1)).min(1).optional().describe(`Weights that are not trained: ${freezeForms}.`),
    tokenizer: model
      .optional()
      .describe(
        "With `shape`: the model, or its folder, whose tokenizer files the student gets. Default: the teacher's.",
      ),
  })
  .superRefine(
    (student, context) => {
      const starts = (["model", "shape", "from"] as const).filter((key) => student[key] !== undefined);
      const refuse = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
      if (starts.length !== 1) {
        const got = starts.length === 0 ? "none of them" : starts.join(" and ");
        context.addIssue(`expected where the student starts, model, shape or from, got ${got}`);
      }
      if (student.shape === undefined && student.tokenizer !== undefined) {
        const message = "expected only beside shape; a student that starts from a model keeps that model's tokenizer";
        refuse("tokenizer", message);
      }
      for (const key of sliceKeys) {
        if (student.from === undefined && student[key] !== undefined) refuse(key, "expected only beside from: teacher");
      }
      if (student.chooseLayers !== undefined && typeof student.layers !== "number") {
        refuse("chooseLayers", "expected only beside a number of layers");
      }
      if (student.adapters !== undefined && student.shape !== undefined) {
        refuse("adapters", "expected beside model or from; adapters of a new model would leave it random");
      }
      if (student.adapters !== undefined && student.freeze !== undefined) {
        refuse("freeze", "expected no freeze beside adapters, which leave all of the model's own weights as they are");
      }
      if (student.softPrompt === undefined) return;
      if (student.shape !== undefined) {
        refuse("softPrompt", "expected beside model or from; a prompt before a new model would leave it random");
      }
      for (const key of ["adapters", "freeze"] as const) {
        if (student[key] !== undefined)
          refuse(key, `expected no ${key} beside softPrompt, which is all that is trained`);
      }
    },
    { when: ({ value }) => typeof value === "object" },
  )
  .describe("The model that learns.");

/** For recipes whose rows are not read behind a soft prompt. */
export function refuseSoftPrompt({ softPrompt }: { readonly softPrompt?: unknown }, context: z.RefinementCtx): void {
  if (softPrompt === undefined) return;
  const message = "expected none in this recipe; soft prompts are trained by context, soft-labels and finetune";
  context.addIssue({ code: "custom", path: ["softPrompt"], message });
}

export type StudentOptions = z.output<typeof studentSchema>;
