/**
 * @file The output head and the loss, one chunk of rows at a time, as one ONNX Loop: peak memory does not grow with
 * rows × vocabulary, forward or backward.
 */

import { gradients } from "../autodiff/gradients.js";
import type { Constant, Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { linear } from "../models/layers/linear.js";
import type { SignalInputs } from "../signals/signal-feeds.js";
import { mixLogits } from "./mixture.js";
import { needsTarget, objectiveRows, type TeacherRows } from "./objective.js";
import type { Objective } from "./options.js";

/** Elements of a chunk's logits: enough rows for full speed, little enough that memory stays flat in the vocabulary too. */
const elementsPerChunk = 2 ** 24;

/** Rows that reach a head of this width at once: a power of two from 32 to 1,024, and no more than there are. */
export function chunkRowsFor(headWidth: number, rows: number): number {
  const fitting = 2 ** Math.round(Math.log2(elementsPerChunk / headWidth));
  return Math.min(rows, Math.max(32, Math.min(1024, fitting)));
}

/** Rows in chunks, as graph values. */
export interface ChunkedInputs {
  /** The student's final hidden states of the response rows, `[chunks, chunkRows, hidden]`. */
  readonly hidden: Value;
  /** The student's output head, `[headWidth, hidden]`. */
  readonly headWeight: Value;
  /** `[headWidth]`, where the head has one. */
  readonly headBias?: Value | undefined;
  /** `[chunks, chunkRows]`; the next token of each row. */
  readonly targetIds: Value;
  /** `[chunks, chunkRows]`; 0 for rows that only fill the last chunk. */
  readonly rowWeights: Value;
  /** The same for terms that look at `targetIds`; `rowWeights` where left out. */
  readonly targetWeights?: Value;
  /** `[chunks, chunkRows]`, where predictions are hardened over the rows of all chunks. */
  readonly hardenedIds?: Value | undefined;
  readonly teacher: SignalInputs | undefined;
  /** Scalars by term, where weights change over the run; the others are constants of the graph. */
  readonly termWeights?: Readonly<Record<string, Value>>;
  /** The same of their temperatures. */
  readonly termTemperatures?: Readonly<Record<string, Value>>;
  /** Whether the size of each term's gradient is measured. */
  readonly measuresGradients?: boolean | undefined;
  /** Which of these are frozen: their gradients are not computed, and count as 0. */
  readonly frozen?: Readonly<Record<"hidden" | "headWeight" | "headBias", boolean>> | undefined;
}

/** One chunk's rows inside the loop. */
export interface Chunk {
  /** `[chunkRows, hidden]`. */
  readonly hidden: Value;
  /** `[chunkRows, headWidth]`. */
  readonly logits: Value;
  readonly targetIds: Value;
  readonly rowWeights: Value;
  readonly hardenedIds: Value | undefined;
  readonly teacher: TeacherRows | undefined;
  readonly termTemperatures: Readonly<Record<string, Value>> | undefined;
}

/** The rows of one iteration, with the student's and the teacher's heads applied. */
export function takeChunk(inputs: ChunkedInputs, iteration: Value): Chunk {
  const take = (value: Value) => g.gather(value, iteration);
  const hidden = take(inputs.hidden);
  return {
    hidden,
    logits: linear(hidden, inputs.headWeight, inputs.headBias),
    targetIds: take(inputs.targetIds),
    rowWeights: take(inputs.rowWeights),
    hardenedIds: inputs.hardenedIds && take(inputs.hardenedIds),
    teacher: inputs.teacher && teacherOfChunk(inputs.teacher, take),
    termTemperatures: inputs.termTemperatures,
  };
}

function teacherOfChunk(teacher: SignalInputs, take: (value: Value) => Value): TeacherRows {
  const headOf = <Given extends { readonly hidden: Value; readonly headWeight: Value }>(given: Given) => {
    return { ...given, logits: g.matMul(take(given.hidden), given.headWeight, { transposeB: true }) };
  };
  switch (teacher.kind) {
    case "hidden":
      return { kind: "hidden", logits: headOf(teacher).logits };
    case "dense":
      return { kind: "dense", logits: take(teacher.logits) };
    case "mixture":
      return { kind: "dense", logits: mixLogits(teacher.members.map(headOf), teacher.headWidth) };
    case "sparse": {
      const { tail, headWidth, importance } = teacher;
      const topK = {
        ids: take(teacher.ids),
        logProbs: take(teacher.logProbs),
        importance: importance && take(importance),
      };
      const normalizers = new Map([...teacher.logNormalizers].map(([each, value]) => [each, take(value)]));
      return {
        kind: "sparse",
        tail,
        headWidth,
        topK: (temperature) => ({ ...topK, logNormalizer: normalizers.get(temperature) }),
      };
    }
  }
}

export interface ObjectiveSums {
  /** Σ over rows of rowWeight · Σ weight · term, scalar; differentiable in `hidden` and the head. */
  readonly total: Value;
  /** Per term Σ over rows of rowWeight · term, unweighted; scalars. */
  readonly terms: Readonly<Record<string, Value>>;
  /** Per term Σ over rows of ‖∂(rowWeight · term) / ∂ the row's logits‖², unweighted; empty unless measured. */
  readonly squaredGradients: Readonly<Record<string, Value>>;
}

/**
 * The sums of an objective over all rows.
 *
 * Every iteration computes its chunk's logits, the terms and their gradient, adds the head's weight gradient to what it
 * carries and scans out the hidden states' gradient. Differentiation sees one chunk only, as a graph of its own, so it works
 * for every divergence; the loop's result enters the graph around it as a composite with a closed-form gradient.
 */
export function chunkedObjective(inputs: ChunkedInputs, objective: Objective): ObjectiveSums {
  const { hidden, headWeight, headBias, frozen } = inputs;
  const { graph } = hidden;
  const names = Object.keys(objective);
  const measured = inputs.measuresGradients ? names : [];
  // A weight is a constant of the graph, or a scalar that is fed.
  const weights = names.map((name) => inputs.termWeights?.[name] ?? (objective[name]!.weight as number));
  return graph.within("objective", () => {
    const trips = g.dimScalar(hidden, 0);
    const zero = graph.number(hidden.dtype, 0);
    const learnsWeight = !frozen?.headWeight;
    const learnsBias = headBias !== undefined && !frozen?.headBias;
    const initial = [
      ...(learnsWeight ? [g.zeros(headWeight, headWeight.shape)] : []),
      ...(learnsBias ? [g.zeros(headBias, headBias.shape)] : []),
    ];
    const { carried, scanned } = g.loop(
      trips,
      hidden.shape[0]!,
      [...[...names, ...measured].map(() => zero), ...initial],
      (_body, iteration, carriedIn) => {
        const headGradients = carriedIn.slice(names.length + measured.length);
        const chunk = takeChunk(inputs, iteration);
        const rows = objectiveRows(objective, { ...chunk, studentLogits: chunk.logits });
        const targetWeights = inputs.targetWeights ? g.gather(inputs.targetWeights, iteration) : chunk.rowWeights;
        const termSums = names.map((name) => {
          return g.reduceSum(g.mul(rows[name]!, needsTarget(objective[name]!) ? targetWeights : chunk.rowWeights));
        });
        const weighted = names.map((_, i) => times(termSums[i]!, weights[i]!));
        const [logitsGradient] = gradients(
          weighted.reduce((sum, term) => g.add(sum, term)),
          [chunk.logits],
        ) as [Value];
        return {
          carried: [
            ...termSums.map((sum, i) => g.add(carriedIn[i]!, sum)),
            ...measured.map((_, i) => {
              const [slope] = gradients(termSums[i]!, [chunk.logits]) as [Value];
              return g.add(carriedIn[names.length + i]!, g.reduceSum(g.mul(slope, slope)));
            }),
            ...(learnsWeight ? [g.gemm(logitsGradient, chunk.hidden, headGradients[0]!, { transposeA: true })] : []),
            ...(learnsBias ? [g.add(headGradients.at(-1)!, g.reduceSum(logitsGradient, { axes: [0] }))] : []),
          ],
          scanned: frozen?.hidden ? [] : [g.matMul(logitsGradient, headWeight)],
        };
      },
    );
    const sums = carried.slice(0, names.length);
    const hiddenGradient = scanned[0];
    const squares = carried.slice(names.length, names.length + measured.length);
    const headGradient = learnsWeight ? carried[names.length + measured.length] : undefined;
    const biasGradient = learnsBias ? carried.at(-1) : undefined;
    const total = sums.map((sum, i) => times(sum, weights[i]!)).reduce((left, right) => g.add(left, right));
    return {
      total: g.customGradient(total, [hidden, headWeight, ...(headBias ? [headBias] : [])], (cotangent) =>
        [hiddenGradient, headGradient, ...(headBias ? [biasGradient] : [])].map(
          (gradient) => gradient && scaleBy(gradient, cotangent),
        ),
      ),
      terms: Object.fromEntries(names.map((name, i) => [name, sums[i]!])),
      squaredGradients: Object.fromEntries(measured.map((name, i) => [name, squares[i]!])),
    };
  });
}

function times(value: Value, factor: number | Value): Value {
  return factor === 1 ? value : g.mul(value, factor);
}

/** A gradient times a scalar cotangent, which is the constant 1 where the total is the loss. */
function scaleBy(gradient: Value, cotangent: Value): Value {
  const isOne = "data" in cotangent && Number((cotangent as Constant).data[0]) === 1;
  return isOne ? gradient : g.mul(gradient, cotangent);
}
