/** @file The `training:` section of a config: how long, how fast, how much at once, and what is kept. */

import * as z from "zod";

/** Input positions of one optimizer step when the config names none. */
const defaultTokensPerStep = 8192;
/** Input positions of one forward and backward pass when the config names none; bounds memory, not the result. */
const defaultMicroBatchTokens = 2048;

export const scheduleNames = ["constant", "linear", "cosine"] as const;
export type ScheduleName = (typeof scheduleNames)[number];

const wholeNumber = z.int().positive();

/**
 * The schema of `training:`. Exactly one of `steps` and `epochs` is given.
 *
 * `tokensPerStep` and `microBatchTokens` stay undefined here when left out, because their defaults depend on the
 * `data:` section: see {@link resolveBatchTokens}, which every recipe's schema applies.
 */
export const trainingSchema = z
  .strictObject({
    steps: wholeNumber.optional().describe("Optimizer steps; give this or `epochs`."),
    epochs: wholeNumber.optional().describe("Passes over the training rows; give this or `steps`."),
    tokensPerStep: wholeNumber
      .optional()
      .describe(
        `Input positions of one optimizer step, all micro-batches together; with packing a multiple of data.sequenceLength. Default: ${defaultTokensPerStep}, in whole sequences.`,
      ),
    microBatchTokens: wholeNumber
      .optional()
      .describe(
        `Input positions of one forward and backward pass: bounds memory, changes no result; with packing a multiple of data.sequenceLength. Default: ${defaultMicroBatchTokens}, in whole sequences.`,
      ),
    learningRate: z.number().positive().default(3e-4).describe("AdamW's peak rate, after warm-up."),
    schedule: z
      .enum(scheduleNames)
      .default("cosine")
      .describe("How the rate falls from its peak after warm-up; linear and cosine end at 0."),
    warmupSteps: z.int().nonnegative().default(0).describe("Steps over which the rate rises linearly to its peak."),
    weightDecay: z
      .number()
      .nonnegative()
      .default(0.01)
      .describe("AdamW's decoupled decay; never on norms, biases and embeddings."),
    betas: z
      .tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)])
      .default([0.9, 0.95])
      .describe("AdamW's decay rates of the first and the second moment."),
    epsilon: z.number().positive().default(1e-8).describe("AdamW's epsilon, added outside the root as PyTorch does."),
    clipNorm: z
      .number()
      .positive()
      .nullable()
      .default(1)
      .describe("Largest global L2 norm of the gradient; null: never clipped."),
    recompute: z
      .boolean()
      .default(false)
      .describe(
        "Compute each layer again in the backward pass instead of keeping what is inside it: less memory, about a tenth more time, the same result.",
      ),
    balance: z
      .enum(["none", "gradient-norm"])
      .default("none")
      .describe(
        "gradient-norm: weights of terms say how large their gradients are compared with each other, and are made so at every step by the norms so far (GradNorm, Chen et al. 2018, with α = 0).",
      ),
    termGradientNorms: z
      .boolean()
      .default(false)
      .describe(
        "Write the size of each term's gradient into metrics.jsonl: its L2 norm by the student's logits of the step's rows, without the term's weight. Costs one more pass over the logits per term; always on with balance.",
      ),
    seed: z
      .int()
      .nonnegative()
      .max(0xffff_ffff)
      .default(0)
      .describe("Seeds the student's weights (where new) and the order of rows."),
    evaluateEvery: wholeNumber
      .nullable()
      .default(50)
      .describe("Steps between evaluations on held-out rows; null: only at the end."),
    checkpointEvery: wholeNumber
      .nullable()
      .default(100)
      .describe("Steps between checkpoints; null: only when interrupted and at the end."),
    keepBest: z.boolean().default(true).describe("Keep the student of the best evaluation instead of the last one."),
    twin: z
      .boolean()
      .default(false)
      .describe("Also train the same student without the teacher, to tell what the teacher was worth."),
  })
  .superRefine(
    ({ steps, epochs, warmupSteps }, context) => {
      if ((steps === undefined) === (epochs === undefined)) {
        const got = steps === undefined ? "neither" : "both";
        context.addIssue(`expected how long to train, steps or epochs, got ${got}`);
      }
      if (steps !== undefined && warmupSteps > steps) {
        const message = `expected at most training.steps (${steps}), got ${warmupSteps}`;
        context.addIssue({ code: "custom", path: ["warmupSteps"], message });
      }
    },
    { when: ({ value }) => typeof value === "object" }, // also beside problems of single keys, so that all are reported at once
  )
  .describe("How long, how fast and how much at once the student is trained.");

type GivenTraining = z.output<typeof trainingSchema>;

/** The `training:` section with every default filled in. */
export interface TrainingOptions extends GivenTraining {
  readonly tokensPerStep: number;
  readonly microBatchTokens: number;
}

/** What the batch sizes have to agree with: `data.sequenceLength` and `data.packing`. */
export interface SequenceOptions {
  readonly sequenceLength: number;
  readonly packing: boolean;
}

/**
 * Fills in the two batch sizes: 8,192 positions per step and 2,048 per micro-batch, cut to whole sequences where packing
 * makes all of them `sequenceLength` long, and at least one sequence.
 */
export function resolveBatchTokens(
  training: GivenTraining,
  { sequenceLength, packing }: SequenceOptions,
): TrainingOptions {
  const whole = (tokens: number): number =>
    packing ? Math.max(1, Math.floor(tokens / sequenceLength)) * sequenceLength : tokens;
  const tokensPerStep = training.tokensPerStep ?? whole(defaultTokensPerStep);
  const microBatchTokens = training.microBatchTokens ?? whole(Math.min(defaultMicroBatchTokens, tokensPerStep));
  return { ...training, tokensPerStep, microBatchTokens };
}

/** One thing wrong with the batch sizes, by its key in `training:`. */
export interface BatchProblem {
  readonly key: "tokensPerStep" | "microBatchTokens";
  readonly message: string;
}

/** What is wrong with the batch sizes; empty when all is well. */
export function batchProblems(training: GivenTraining, sequences: SequenceOptions): BatchProblem[] {
  const problems: BatchProblem[] = [];
  const { sequenceLength, packing } = sequences;
  for (const key of ["tokensPerStep", "microBatchTokens"] as const) {
    const tokens = training[key];
    if (!packing || tokens === undefined || tokens % sequenceLength === 0) continue;
    const below = Math.floor(tokens / sequenceLength) * sequenceLength;
    const nearest = below === 0 ? `${sequenceLength}` : `${below} or ${below + sequenceLength}`;
    problems.push({
      key,
      message: `expected a multiple of data.sequenceLength (${sequenceLength}), such as ${nearest}, got ${tokens}`,
    });
  }
  const { tokensPerStep, microBatchTokens } = resolveBatchTokens(training, sequences);
  if (problems.length === 0 && microBatchTokens > tokensPerStep) {
    problems.push({
      key: "microBatchTokens",
      message: `expected at most training.tokensPerStep (${tokensPerStep}), got ${microBatchTokens}`,
    });
  }
  return problems;
}
