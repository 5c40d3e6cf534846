/** @file The sections of `weak-to-strong` configs: the weak teacher, its labels, ground truth and confidence; and their objective. */

import * as z from "zod";
import { type Objective, type ObjectiveTerm, objectiveSchema } from "../losses/options.js";
import { divergenceNames } from "../losses/registry.js";
import { type Schedule, type Scheduled, scheduledSchema } from "../losses/schedule.js";
import { trainingSchema } from "../training/options.js";
import { classStudentSchema } from "./class-options.js";
import { refuseSoftPrompt, studentSchema } from "./student-options.js";

const share = z.number().min(0).max(1);

/** What every `weak:` section says of the rows that the weak teacher is trained on. */
const weakKeys = {
  train: z
    .union([share.gt(0).lt(1), z.string().min(1), z.array(z.string().min(1)).min(1)])
    .optional()
    .describe(
      "Rows with ground truth that the weak teacher is trained on: files, or a share of data.train, which the student then does not see. Left out: it teaches as it is.",
    ),
  training: trainingSchema.optional().describe("How it is trained. Default: as the student."),
};

interface WeakSection {
  readonly shape?: unknown;
  readonly train?: unknown;
  readonly training?: z.output<typeof trainingSchema> | undefined;
}

function checkWeakKeys({ shape, train, training }: WeakSection, context: z.RefinementCtx): void {
  const refuse = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
  if (shape !== undefined && train === undefined) {
    refuse("train", "missing; expected rows, because a model of random weights has nothing to teach");
  }
  if (training !== undefined && train === undefined) {
    refuse("training", "expected only beside train; without rows the weak teacher is not trained");
  }
  if (training?.twin) refuse("training", "expected twin: false, because a weak teacher has no teacher to do without");
}

const whenSection: { when(payload: z.core.ParsePayload): boolean } = { when: ({ value }) => typeof value === "object" };

/** The `weak:` section. */
export const weakSchema = studentSchema
  .safeExtend(weakKeys)
  .refine(({ from }) => from === undefined, {
    path: ["from"],
    error: "expected a model or a shape: a weak teacher has no teacher to start from",
  })
  .superRefine(checkWeakKeys, whenSection)
  .superRefine(refuseSoftPrompt, whenSection)
  .describe("The weak model whose labels are learned from.");

/** The `weak:` section of a config with classes. */
export const weakClassifierSchema = classStudentSchema
  .safeExtend(weakKeys)
  .superRefine(checkWeakKeys, whenSection)
  .describe("The weak classifier whose labels are learned from; one that is not trained must know the classes.");

/** The `student:` section: the strong model. */
export const strongSchema = studentSchema
  .refine(({ from }) => from === undefined, {
    path: ["from"],
    error: "expected a model or a shape: a strong student is no part of its weak teacher",
  })
  .superRefine(refuseSoftPrompt, whenSection)
  .describe("The strong model that learns; its ceiling starts from the same weights.");

/** The `student:` section of a config with classes. */
export const strongClassifierSchema = classStudentSchema.describe(
  "The strong classifier that learns; its ceiling starts from the same weights.",
);

/** The `weakLabels:` section. */
export const weakLabelsSchema = z
  .strictObject({
    kind: z
      .enum(["soft", "hard", "both"])
      .default("soft")
      .describe(
        "What is learned of the weak teacher: its distributions, its likeliest class or its likeliest token at every position, or half of each.",
      ),
    weight: scheduledSchema(z.number().nonnegative())
      .default(1)
      .describe(
        "λ, which multiplies what is learned of the weak teacher: a number, or { from, to, schedule, after, steps | fraction }. 0: none of it.",
      ),
    curve: z
      .array(z.number().nonnegative())
      .min(1)
      .optional()
      .describe("Other values of λ; a student is trained at each, in a folder of its own, and compared."),
    divergence: z
      .string()
      .default("forward-kl")
      .refine((name) => divergenceNames().includes(name), { error: "expected the name of a divergence" })
      .describe("How soft labels are compared: forward-kl, reverse-kl, or one you defined."),
    temperature: z.number().positive().default(1).describe("Divides the logits of both sides of soft labels."),
  })
  .prefault({})
  .describe("What the student learns of the weak teacher.");

/** The `groundTruth:` section. */
export const groundTruthSchema = z
  .strictObject({
    rows: z
      .union([
        z.enum(["all", "none"]),
        share,
        z.strictObject({ field: z.string().min(1).describe("The field that is true where the text is a target.") }),
      ])
      .default("none")
      .describe(
        "Training rows whose text, or whose label, is itself a target: all, none, a share chosen by a hash, or { field } for those where this field is true.",
      ),
    weight: z.number().positive().default(1).describe("What the loss on them is multiplied by."),
  })
  .prefault({})
  .describe("Which of the student's rows have ground truth.");

/** The `confidence:` section. Defaults: Burns et al. 2023 (arXiv:2312.09390), appendix A, but for their largest students. */
export const confidenceSchema = z
  .strictObject({
    weight: share
      .gt(0)
      .default(0.5)
      .describe("The share of λ that goes from the weak labels to what the student finds likeliest itself."),
    warmupFraction: share.gt(0).default(0.2).describe("The share of the run's steps over which it rises from 0."),
    warmup: z
      .enum(["corrected", "published"])
      .default("corrected")
      .describe(
        "corrected: from 0 to its weight, as the paper describes it; published: as its code does, which rises to warmupFraction of it and then jumps.",
      ),
  })
  .describe("The auxiliary confidence term; left out: none.");

export interface WeakToStrongTerms {
  readonly weakLabels: z.output<typeof weakLabelsSchema>;
  readonly groundTruth: z.output<typeof groundTruthSchema>;
  readonly confidence?: z.output<typeof confidenceSchema> | undefined;
  /** Where the models are classifiers. */
  readonly classes?: readonly string[];
}

/**
 * The objective at a weight λ of the weak labels. With a the confidence term's share at the step (0 without one):
 *
 *     groundTruth.weight · hard + λ · ((1 − a) · weak labels + a · confidence)
 *
 * `hard` is the mean over rows with ground truth, the others are means over all rows. A term of weight 0 is left out: λ = 0 is
 * plain fine-tuning on the ground truth. Of classifiers what the student finds likeliest is hardened so that each class has the share
 * of a step's rows that the weak labels give it.
 *
 * @see Xiao & Zhu 2025, "Foundations of Large Language Models", ch. 4 (arXiv:2501.09223): the combined objective; Burns et al. 2023
 *   (arXiv:2312.09390), §4.3.2 and appendix A.4: the confidence term and its threshold.
 */
export function weakToStrongObjective(
  { weakLabels, groundTruth, confidence, classes }: WeakToStrongTerms,
  weight: Scheduled,
): Objective {
  const { kind, divergence, temperature } = weakLabels;
  const half = kind === "both" ? 0.5 : 1;
  const last = confidence?.weight ?? 0;
  const weak = moving(weight, half, half * (1 - last), confidence);
  // Parsed, so that the options that a divergence has of its own have their defaults.
  const { soft, hardLabels } = objectiveSchema.parse({
    soft: { divergence, temperature },
    hardLabels: { kind: "divergence", divergence: "hard-labels" },
  }) as Record<"soft" | "hardLabels", ObjectiveTerm>;
  const terms: Readonly<Record<string, ObjectiveTerm | false>> = {
    hard: groundTruth.rows !== "none" && { kind: "cross-entropy", weight: groundTruth.weight },
    soft: kind !== "hard" && { ...soft, weight: weak },
    weakHard: kind !== "soft" && { ...hardLabels, weight: weak },
    confidence: confidence !== undefined && {
      kind: "confidence",
      weight: moving(weight, 0, last, confidence),
      ...(classes && { classShares: kind === "hard" ? "hard" : "soft" }),
    },
  };
  const kept = Object.entries(terms).filter(([name, term]) => term !== false && (name === "hard" || weight !== 0));
  return Object.fromEntries(kept) as Objective;
}

/** λ times a share that moves while the confidence term warms up. */
function moving(
  weight: Scheduled,
  first: number,
  last: number,
  confidence: WeakToStrongTerms["confidence"],
): Scheduled {
  if (!confidence) return scaled(weight, first);
  // The schema allows no schedule beside a confidence term.
  const level = weight as number;
  const schedule: Schedule["schedule"] = confidence.warmup === "published" ? "published-warmup" : "linear";
  return { from: level * first, to: level * last, schedule, after: 0, fraction: confidence.warmupFraction };
}

function scaled(weight: Scheduled, factor: number): Scheduled {
  if (typeof weight === "number") return weight * factor;
  return { ...weight, from: weight.from * factor, to: weight.to * factor };
}
