/** @file The terms of an objective as graph values: nats per row for each, ready to be weighted and summed. */

import { internalError, LimbeckError } from "../errors.js";
import { sameDim } from "../graph/dims.js";
import type { Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import type { Tail } from "../signals/signal-feeds.js";
import type { Divergence, DivergenceInput, TeacherKind } from "./divergence.js";
import { hardCrossEntropy } from "./hard-cross-entropy.js";
import type { ConfidenceTerm, DivergenceTerm, Objective, ObjectiveTerm } from "./options.js";
import { divergenceOptionsOf } from "./options.js";
import { fromLogits, type Outcomes, sparseOutcomes, type Temperature, type TopK, temper } from "./outcomes.js";
import { findDivergence } from "./registry.js";
import { valuesOf } from "./schedule.js";
import { selfConfidence } from "./self-confidence.js";

/** What the teacher says about the same rows: logits (or log-probs) over its whole head, or a top-k by temperature. */
export type TeacherRows =
  | { readonly kind: "hidden" | "dense"; readonly logits: Value }
  | {
      readonly kind: "sparse";
      readonly tail: Tail;
      /** How many ids the distributions are over. */
      readonly headWidth: number;
      readonly topK: (temperature: number) => TopK;
    };

export interface ObjectiveRows {
  /** The student's logits over its whole head, `[rows, headWidth]`. */
  readonly studentLogits: Value;
  /** Undefined where no term compares with a teacher. */
  readonly teacher: TeacherRows | undefined;
  /** The next token of each row, `[rows]`; undefined where no term looks at it. */
  readonly targetIds: Value | undefined;
  /** What the student's predictions are hardened to where that looks at other rows, `[rows]`. */
  readonly hardenedIds?: Value | undefined;
  /** Scalars by term, where temperatures change over the run. */
  readonly termTemperatures?: Readonly<Record<string, Value>> | undefined;
}

/** True where a term compares with the teacher. */
export function needsTeacher(objective: Objective): boolean {
  return Object.values(objective).some(({ kind }) => kind === "divergence" || kind === "feature");
}

/** True where a term looks at the text's own tokens, and so counts only rows with ground truth. */
export function needsTarget(term: ObjectiveTerm): boolean {
  return term.kind === "cross-entropy";
}

/** Which labels of the teacher the student's hardened predictions have the class shares of; undefined where no term asks for it. */
export function classSharesOf(objective: Objective): ConfidenceTerm["classShares"] {
  return Object.values(objective).find((term) => term.kind === "confidence")?.classShares;
}

/**
 * Temperatures that all terms visit that compare with the teacher, for signals that hold only those that they were made for.
 *
 * @throws LimbeckError `OBJECTIVE` where a temperature moves from step to step.
 */
export function temperaturesOf(objective: Objective): readonly number[] {
  const visited = Object.entries(objective).map(([name, term]) =>
    term.kind === "divergence" ? visitedTemperatures(name, term) : [],
  );
  return [...new Set(visited.flat())];
}

function visitedTemperatures(name: string, { temperature }: DivergenceTerm): readonly number[] {
  const values = valuesOf(temperature);
  if (values) return values;
  throw new LimbeckError(
    "OBJECTIVE",
    `objective.${name}.temperature: a top-k of the teacher holds the temperatures that it was captured with, got one that moves from step to step.`,
    {
      hint: "Let it jump (from, to and after), store hidden states (cache.store.kind: hidden), or leave out the cache.",
    },
  );
}

/**
 * Every term that looks at distributions in nats per row, unweighted, τ² included. Features are placed by features/feature-terms.ts.
 *
 * Teacher and student are compared over the first min(widths) ids of both heads, cut before the softmax; the cross-entropy
 * with the text is over the student's whole head.
 *
 * @throws LimbeckError `OBJECTIVE` where a divergence does not accept the kind of signal that the teacher gives.
 */
export function objectiveRows(objective: Objective, input: ObjectiveRows): Readonly<Record<string, Value>> {
  const wholeHead = once(() => fromLogits(input.studentLogits, 1));
  const rows: Record<string, Value> = {};
  for (const [name, term] of Object.entries(objective)) {
    if (term.kind === "feature") continue;
    rows[name] = input.studentLogits.graph.within(name, () => {
      switch (term.kind) {
        case "cross-entropy":
          return hardCrossEntropy(wholeHead().logProbs, expectTargets(name, input.targetIds), term.labelSmoothing);
        case "confidence":
          return selfConfidence(wholeHead().logProbs, term.classShares && input.hardenedIds);
        case "divergence":
          return divergenceRows(name, term, input, wholeHead);
      }
    });
  }
  return rows;
}

function divergenceRows(name: string, term: DivergenceTerm, input: ObjectiveRows, wholeHead: () => Outcomes): Value {
  const divergence = findDivergence(term.divergence);
  const { teacher } = input;
  if (!divergence)
    throw new LimbeckError("OBJECTIVE", `objective.${name}: no divergence "${term.divergence}" is defined.`);
  if (!teacher)
    throw new LimbeckError("OBJECTIVE", `objective.${name}: "${term.divergence}" needs a teacher, got none.`);
  expectAccepted(name, divergence, teacher.kind);
  const temperature = temperatureOf(name, term, input);
  const options = divergenceOptionsOf(term);
  const scale = term.scaleByTemperatureSquared ? squared(temperature) : 1;
  if (teacher.kind === "sparse") {
    const logits = cutTo(input.studentLogits, teacher.headWidth);
    const topK =
      typeof temperature === "number"
        ? teacher.topK(temperature)
        : topKAt(temperature, visitedTemperatures(name, term), teacher.topK);
    const outcomes = sparseOutcomes(logits, topK, temperature, teacher.tail);
    return scaled(rowsOf(divergence, { ...outcomes, temperature, options }), scale);
  }
  const [studentLogits, teacherLogits] = cutToCommonWidth(input.studentLogits, teacher.logits);
  const isWhole = studentLogits === input.studentLogits;
  const tempered = temper(studentLogits, temperature);
  const student = temperature === 1 && isWhole ? wholeHead() : fromLogits(studentLogits, temperature);
  const comparison = { student, teacher: fromLogits(g.stopGradient(teacherLogits), temperature), temperature, options };
  const { logitsGradient } = divergence;
  if (!logitsGradient) return scaled(rowsOf(divergence, comparison), scale);
  const closed = g.customGradient(divergence.rows(comparison), [tempered], (cotangent) => [
    g.mul(logitsGradient(comparison), columnOf(cotangent)),
  ]);
  return scaled(closed, scale);
}

/** A constant, or the scalar that is fed. */
function temperatureOf(
  name: string,
  { temperature }: DivergenceTerm,
  { termTemperatures }: ObjectiveRows,
): Temperature {
  if (typeof temperature === "number") return temperature;
  const fed = termTemperatures?.[name];
  if (!fed) throw internalError("a scheduled temperature is not fed", { term: name });
  return fed;
}

/** The top-k with the normalizer of whichever of the visited temperatures is fed. */
function topKAt(temperature: Value, visited: readonly number[], topK: (temperature: number) => TopK): TopK {
  const [first, ...others] = visited.map((each) => ({ each, ...topK(each) }));
  const normalizerOf = ({ logNormalizer, logProbs }: TopK) =>
    logNormalizer ?? g.zeros(g.slice(logProbs, { axis: 1, start: 0, end: 1 }), [logProbs.shape[0]!, 1]);
  const logNormalizer = others.reduce(
    (chosen, other) => g.where(g.equal(temperature, other.each), normalizerOf(other), chosen),
    normalizerOf(first!),
  );
  return { ...first!, logNormalizer };
}

function squared(temperature: Temperature): Temperature {
  return typeof temperature === "number" ? temperature ** 2 : g.mul(temperature, temperature);
}

/** The rows of a divergence over any outcomes, with its closed-form gradient where it has one. */
function rowsOf(divergence: Divergence, comparison: DivergenceInput<unknown>): Value {
  const rows = divergence.rows(comparison);
  const { logProbsGradient } = divergence;
  if (!logProbsGradient) return rows;
  return g.customGradient(rows, [comparison.student.logProbs], (cotangent) => [
    g.mul(logProbsGradient(comparison), columnOf(cotangent)),
  ]);
}

/** `[rows]` as `[rows, 1]`. */
function columnOf(perRow: Value): Value {
  return g.reshape(perRow, [perRow.shape[0]!, 1]);
}

function scaled(rows: Value, scale: Temperature): Value {
  return scale === 1 ? rows : g.mul(rows, scale);
}

/** Both sides over the first min(widths) ids. */
function cutToCommonWidth(student: Value, teacher: Value): readonly [Value, Value] {
  const [own, other] = [student.shape[1]!, teacher.shape[1]!];
  if (sameDim(own, other)) return [student, teacher];
  const end = Math.min(Number(own), Number(other));
  return [cutTo(student, end), cutTo(teacher, end)];
}

function cutTo(logits: Value, width: number): Value {
  return sameDim(logits.shape[1]!, width) ? logits : g.slice(logits, { axis: 1, start: 0, end: width });
}

function expectTargets(name: string, targetIds: Value | undefined): Value {
  if (!targetIds) throw new LimbeckError("OBJECTIVE", `objective.${name}: cross-entropy needs target ids, got none.`);
  return targetIds;
}

function expectAccepted(name: string, divergence: Divergence, kind: TeacherKind): void {
  if (divergence.accepts.includes(kind)) return;
  const reason = divergence.refusal ? `: ${divergence.refusal}` : "";
  throw new LimbeckError(
    "OBJECTIVE",
    `objective.${name}: "${divergence.name}" accepts ${divergence.accepts.join(" and ")} teacher signals, ` +
      `got ${kind === "sparse" ? "a top-k" : kind}${reason}.`,
    { hint: "Use forward-kl, or give the teacher's whole distribution." },
  );
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
