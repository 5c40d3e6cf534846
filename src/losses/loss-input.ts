/** @file What `limbeck loss` and {@link computeLoss} read: two hand-written distributions per row and an objective. */

import * as z from "zod";
import { finalObjective, objectiveSchema, type SettledTerm } from "./options.js";

/** Largest difference from 1 of a row of probabilities; rounding to three digits stays within it, a forgotten entry does not. */
const probabilityTolerance = 1e-3;

const rowsOfNumbers = z.array(z.array(z.number()).min(1)).min(1);
const rowsOfProbabilities = z.array(z.array(z.number().min(0).max(1)).min(1)).min(1);

const topKSchema = z.strictObject({
  ids: z
    .array(z.array(z.int().min(0)).min(1))
    .min(1)
    .describe("The ids that the teacher's distribution keeps, per row."),
  logProbs: rowsOfNumbers.describe("Their natural log-probabilities at temperature 1, over the whole vocabulary."),
  tail: z
    .enum(["bucket", "drop", "renormalize", "sampled"])
    .default("bucket")
    .describe("What stands for the ids that are not kept."),
  importance: rowsOfNumbers
    .optional()
    .describe("How often each id counts, per row; for ids drawn at random, with the tail sampled."),
  logNormalizers: z
    .record(z.string(), z.array(z.number()))
    .default({})
    .describe("By temperature τ, per row: log Z_τ − (log Z_1)/τ, so that log p_τ(i) = logProbs(i)/τ − this."),
});

const tables = { logits: rowsOfNumbers.optional(), probabilities: rowsOfProbabilities.optional() };

const memberSchema = z.strictObject({
  ...tables,
  weight: z.number().positive().default(1).describe("How much this teacher counts; only the ratios mean something."),
});

const teacherSchema = z.strictObject({
  ...tables,
  topK: topKSchema.optional(),
  mixture: z
    .array(memberSchema)
    .min(1)
    .optional()
    .describe("Several teachers, each by logits or probabilities: the weighted mean of their distributions."),
});

const studentSchema = z.strictObject(tables);

/** The input of a loss computation. Everything is aligned with the rows: nothing is shifted here. */
export const lossInputSchema = z
  .strictObject({
    teacher: teacherSchema
      .optional()
      .describe("One of logits, probabilities, topK, mixture; may be left out where no term looks at it."),
    student: studentSchema.describe("One of logits, probabilities; gradients are at logits = log p."),
    targetIds: z.array(z.int()).optional().describe("The token of each row; cross-entropy needs them."),
    responseMask: z
      .array(z.union([z.literal(0), z.literal(1), z.boolean().transform(Number)]))
      .optional()
      .describe("1 for rows that count; all of them where left out."),
    rowWeights: z
      .array(z.number().nonnegative())
      .optional()
      .describe("How much each row that counts does so in the mean, which is divided by their sum; 1 where left out."),
    objective: objectiveSchema,
  })
  .superRefine(checkLossInput);

export type LossInput = z.output<typeof lossInputSchema>;

type Report = (path: readonly PropertyKey[], message: string) => void;

/** What every table of one input must agree with: the student's. */
interface Size {
  readonly rows: number;
  readonly width: number;
}

/** Checks of one part against another; they run once every part is of the right form. */
function checkLossInput(input: LossInput, context: z.RefinementCtx): void {
  const report: Report = (path, message) => context.addIssue({ code: "custom", path: [...path], message });
  const { teacher, student, objective, targetIds, responseMask, rowWeights } = input;
  const terms = Object.values(finalObjective(objective));
  const table = student.logits ?? student.probabilities ?? [];
  const size: Size = { rows: table.length, width: table[0]?.length ?? 0 };

  const ways = Object.keys(tables);
  checkSide(["student"], student, ways, size, report);
  for (const [i, member] of (teacher?.mixture ?? []).entries()) {
    checkSide(["teacher", "mixture", i], member, ways, size, report);
  }
  if (teacher !== undefined) checkSide(["teacher"], teacher, Object.keys(teacherSchema.shape), size, report);
  else if (terms.some((term) => term.kind === "divergence")) {
    report(["teacher"], "missing; expected logits, probabilities, topK or mixture");
  }
  for (const [name, { kind }] of Object.entries(objective)) {
    const message = "expected a term that compares distributions, got a feature, which compares what layers compute";
    if (kind === "feature") report(["objective", name, "feature"], message);
  }
  if (teacher?.topK !== undefined) checkTopK(teacher.topK, terms, size, report);

  checkLength(["responseMask"], responseMask, size.rows, report);
  checkLength(["rowWeights"], rowWeights, size.rows, report);
  checkLength(["targetIds"], targetIds, size.rows, report);
  for (const [row, id] of (targetIds ?? []).entries()) {
    if ((responseMask?.[row] ?? 1) === 1) checkId(["targetIds", row], id, size, report);
  }
  if (targetIds === undefined && terms.some((term) => term.kind === "cross-entropy")) {
    report(["targetIds"], "missing; expected one id per row, which the cross-entropy term needs");
  }
}

/** A side speaks in one way, in a rectangle with as many rows as the student's, and its probabilities sum to 1. */
function checkSide(
  side: readonly PropertyKey[],
  given: z.output<typeof studentSchema>,
  ways: readonly string[],
  size: Size,
  report: Report,
): void {
  const used = ways.filter((way) => Object.hasOwn(given, way));
  if (used.length !== 1) report(side, `expected one of ${ways.join(", ")}, got ${used.join(" and ") || "none"}`);
  for (const way of ["logits", "probabilities"] as const) {
    checkLength([...side, way], given[way], size.rows, report);
    // The two sides may differ in width, as padded heads do: the first min(widths) ids are compared.
    const width = given[way]?.[0]?.length ?? 0;
    for (const [row, values] of (given[way] ?? []).entries()) checkLength([...side, way, row], values, width, report);
  }
  for (const [row, values] of (given.probabilities ?? []).entries()) {
    const sum = values.reduce((total, value) => total + value, 0);
    if (Math.abs(sum - 1) > probabilityTolerance)
      report([...side, "probabilities", row], `expected a sum of 1, got ${sum}`);
  }
}

/** Kept ids are distinct, hold no more than all of the mass, and can be re-tempered for every term that asks for it. */
function checkTopK(topK: z.output<typeof topKSchema>, terms: readonly SettledTerm[], size: Size, report: Report): void {
  const at = ["teacher", "topK"];
  checkLength([...at, "ids"], topK.ids, size.rows, report);
  checkLength([...at, "logProbs"], topK.logProbs, size.rows, report);
  checkLength([...at, "importance"], topK.importance, size.rows, report);
  if ((topK.tail === "sampled") !== (topK.importance !== undefined)) {
    report([...at, "importance"], `expected with the tail sampled, and only there, got the tail ${topK.tail}`);
  }
  const kept = topK.ids[0]!.length;
  for (const [row, ids] of topK.ids.entries()) {
    checkLength([...at, "ids", row], ids, kept, report);
    checkLength([...at, "importance", row], topK.importance?.[row], kept, report);
    for (const [place, id] of ids.entries()) checkId([...at, "ids", row, place], id, size, report);
    if (new Set(ids).size < ids.length) report([...at, "ids", row], "expected distinct ids, got one twice");
  }
  for (const [row, logProbs] of topK.logProbs.entries()) {
    checkLength([...at, "logProbs", row], logProbs, kept, report);
    const mass = logProbs.reduce((total, logProb) => total + Math.exp(logProb), 0);
    if (mass > 1 + probabilityTolerance)
      report([...at, "logProbs", row], `expected probabilities that sum to at most 1, got ${mass}`);
  }
  const normalizers = new Map(Object.entries(topK.logNormalizers).map(([key, values]) => [Number(key), values]));
  for (const [key, values] of Object.entries(topK.logNormalizers)) {
    checkLength([...at, "logNormalizers", key], values, size.rows, report);
  }
  const temperatures = new Set(terms.map(({ temperature = 1 }) => temperature));
  for (const temperature of temperatures) {
    if (temperature === 1 || normalizers.has(temperature)) continue;
    const message = `missing for temperature ${temperature}; expected log Z_τ − (log Z_1)/τ per row`;
    report(
      [...at, "logNormalizers", String(temperature)],
      `${message}, without which the kept ids cannot be re-tempered`,
    );
  }
}

function checkId(path: readonly PropertyKey[], id: number, { width }: Size, report: Report): void {
  if (id < 0 || id >= width) report(path, `expected an id from 0 to ${width - 1}, got ${id}`);
}

function checkLength(
  path: readonly PropertyKey[],
  values: readonly unknown[] | undefined,
  length: number,
  report: Report,
): void {
  if (values !== undefined && values.length !== length) {
    report(path, `expected ${length} entries, got ${values.length}`);
  }
}
