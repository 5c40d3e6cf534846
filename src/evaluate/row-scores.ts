/** @file What a model says about every response row: losses, divergence from the teacher, agreement, likeliest tokens. */

import type { DistillationBatch } from "../data/batch.js";
import { chunkRows, rowDims, tokenFeeds } from "../data/batch-feeds.js";
import { placeFeeds } from "../data/places.js";
import { Graph, type Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { type Chunk, takeChunk } from "../losses/chunked-head.js";
import { featureTermsOf, placeFeatures, planFeatures, withoutFeatures } from "../losses/features/feature-terms.js";
import { objectiveRows } from "../losses/objective.js";
import type { SettledObjective } from "../losses/options.js";
import { type ModelDefinition, placeModel } from "../models/model-graph.js";
import { type CompileOptions, compile, type Feeds } from "../runtime/executor.js";
import type { HostTensor } from "../runtime/tensor.js";
import { type SignalForm, signalFeeds, signalInputs } from "../signals/signal-feeds.js";
import { absentLogProb, type SparseSignal, type TeacherSignal } from "../signals/teacher-signal.js";

/** Numbers per response row, in the order of the batch's rows. */
export interface RowScores {
  /** Natural log-prob of the row's token, over the model's whole head; NaN where the row has no target. */
  readonly targetLogProbs: Float32Array;
  /** 1 where the row's token is the one that the model finds most likely; 0 where the row has no target. */
  readonly accuracy: Float32Array;
  /** Σ weight · term of the objective; absent without one. */
  readonly objective?: Float32Array;
  /** KL(teacher ‖ model) at temperature 1; absent without a teacher, like the next three. */
  readonly kl?: Float32Array;
  /** 1 where both find the same token most likely. */
  readonly agreement?: Float32Array;
  readonly teacherTargetLogProbs?: Float32Array;
  /** The largest log-prob that the teacher gives any token. */
  readonly teacherBestLogProbs?: Float32Array;
  /** The k likeliest tokens, `[rows, k]`; absent unless asked for. */
  readonly top?: TopTokens;
  readonly teacherTop?: TopTokens;
}

export interface TopTokens {
  readonly k: number;
  readonly ids: Int32Array;
  readonly logProbs: Float32Array;
}

export interface RowScorerOptions extends CompileOptions, ScorerGraphOptions {
  /** Rows that reach the head at once, at most. */
  readonly chunkRows: number;
}

export interface ScorerGraphOptions {
  readonly positionCount: number;
  /** The teacher's signal; undefined to score the model alone. */
  readonly signal?: SignalForm | undefined;
  readonly objective?: SettledObjective | undefined;
  /** How many of the likeliest tokens to return per row. */
  readonly topK?: number;
}

/** A compiled scorer. */
export interface RowScorer {
  /** @param weights - the model's weights by name, the projections of features, and the teacher's head where there is a signal. */
  score(batch: DistillationBatch, weights: Feeds, signal?: TeacherSignal): Promise<RowScores>;
  dispose(): Promise<void>;
}

const comparison: SettledObjective = {
  kl: { kind: "divergence", divergence: "forward-kl", weight: 1, temperature: 1, scaleByTemperatureSquared: true },
};

/** Per-row values of one chunk, by name. */
function chunkScores(chunk: Chunk, options: ScorerGraphOptions): Readonly<Record<string, Value>> {
  const { logits, targetIds, teacher } = chunk;
  const logProbs = g.logSoftmax(logits);
  const likeliest = g.argMax(logits);
  const isLikeliest = (ids: Value) => g.where(g.equal(likeliest, ids), logits.graph.number("float32", 1), 0);
  const scores: Record<string, Value> = {
    targetLogProbs: pick(logProbs, targetIds),
    accuracy: isLikeliest(g.cast(targetIds, "int64")),
  };
  const addTop = (name: string, values: Value) => {
    if (!options.topK) return;
    const { values: best, indices } = g.topK(values, options.topK);
    scores[`${name}LogProbs`] = best;
    scores[`${name}Ids`] = g.cast(indices, "int32");
  };
  addTop("top", logProbs);
  const rows = { studentLogits: logits, teacher, targetIds };
  const objective = options.objective && withoutFeatures(options.objective);
  if (objective && Object.keys(objective).length > 0) {
    const terms = Object.entries(objectiveRows(objective, rows)).map(([name, values]) =>
      g.mul(values, objective[name]!.weight),
    );
    scores.objective = terms.reduce((sum, term) => g.add(sum, term));
  }
  if (teacher?.kind === "sparse") {
    // Over the kept tokens and what stands for the rest; where that is one outcome, no more than over all of them.
    scores.kl = objectiveRows(comparison, rows).kl!;
    if (teacher.tail === "sampled") return scores; // what was drawn first need not be the likeliest
    const likeliest = g.slice(teacher.topK(1).ids, { axis: 1, start: 0, end: 1 });
    const own = g.reshape(g.argMax(logits), likeliest.shape);
    scores.agreement = g.reshape(
      g.where(g.equal(g.cast(own, "int32"), likeliest), logits.graph.number("float32", 1), 0),
      [likeliest.shape[0]!],
    );
  } else if (teacher) {
    const teacherLogProbs = g.logSoftmax(teacher.logits);
    scores.kl = objectiveRows(comparison, rows).kl!;
    scores.agreement = isLikeliest(g.argMax(teacher.logits));
    scores.teacherTargetLogProbs = pick(teacherLogProbs, targetIds);
    scores.teacherBestLogProbs = g.reduceMax(teacherLogProbs, { axes: [1] });
    addTop("teacherTop", teacherLogProbs);
  }
  return scores;
}

/** Of each row the log-prob of its target; NaN where there is none. */
function pick(logProbs: Value, targetIds: Value): Value {
  const rows = targetIds.shape[0]!;
  const picked = g.gatherElements(logProbs, g.reshape(g.max(targetIds, 0), [rows, 1]));
  return g.where(g.less(targetIds, 0), Number.NaN, g.reshape(picked, [rows]));
}

/** A scorer before it is compiled: the model's body, and its head one chunk of rows at a time. */
export function buildRowScorer(
  model: ModelDefinition,
  options: ScorerGraphOptions,
): { readonly graph: Graph; readonly outputs: Readonly<Record<string, Value>> } {
  const graph = new Graph();
  const placed = placeModel(graph, model, { positionCount: options.positionCount });
  const rows = (name: string, dtype: "int32" | "float32") => graph.input(name, dtype, rowDims);
  const inputs = {
    hidden: g.gather(placed.hidden, rows("rowIndex", "int32")),
    headWeight: placed.headWeight,
    headBias: placed.headBias,
    targetIds: rows("targetIds", "int32"),
    rowWeights: rows("rowWeights", "float32"),
    teacher: options.signal && signalInputs(graph, options.signal, "float32"),
  };
  let names: readonly string[] = [];
  const { scanned } = g.loop(g.dimScalar(inputs.hidden, 0), "chunks", [], (_body, iteration) => {
    const scores = chunkScores(takeChunk(inputs, iteration), options);
    names = Object.keys(scores);
    return { carried: [], scanned: Object.values(scores) };
  });
  const outputs: Record<string, Value> = Object.fromEntries(names.map((name, i) => [name, scanned[i]!]));
  const { objective = {}, signal } = options;
  const { rows: features } = placeFeatures(graph, planFeatures(objective, model, signal), placed);
  for (const [name, values] of Object.entries(features)) {
    const weighted = g.mul(values, objective[name]!.weight);
    outputs.objective = outputs.objective ? g.add(outputs.objective, weighted) : weighted;
  }
  return { graph, outputs };
}

/** Compiles a scorer. */
export async function makeRowScorer(model: ModelDefinition, options: RowScorerOptions): Promise<RowScorer> {
  const { graph, outputs } = buildRowScorer(model, options);
  const program = await compile(graph, outputs, options);
  const hasFeatures = featureTermsOf(options.objective ?? {}).length > 0;
  return {
    async score(batch, weights, signal) {
      const chunked = chunkRows(batch.rows, options.chunkRows);
      const results: Record<string, HostTensor> = await program.run({
        ...weights,
        ...tokenFeeds(batch.student),
        ...chunked.feeds,
        ...(signal ? signalFeeds(signal, chunked.chunks, chunked.chunkRows) : {}),
        ...(hasFeatures ? placeFeeds(batch, chunked.chunks, chunked.chunkRows) : {}),
      });
      const scores = readScores(results, batch.rows.count, options.topK ?? 0);
      return signal?.kind === "sparse" ? { ...scores, ...scoresOfSparse(signal, options.topK ?? 0) } : scores;
    },
    dispose: () => program.dispose(),
  };
}

/** What a sparse signal says by itself: the log-probs of the rows' tokens, and of the likeliest as many as all rows have. */
function scoresOfSparse(signal: SparseSignal, k: number): Pick<RowScores, "teacherTargetLogProbs" | "teacherTop"> {
  const { ids, logProbs, targetLogProbs, rows } = signal;
  const isThere = (row: number, i: number) => logProbs[row * signal.k + i]! > absentLogProb / 10;
  let count = Math.min(k, signal.k);
  for (let row = 0; row < rows; row++) while (count > 0 && !isThere(row, count - 1)) count--;
  const first = <Values extends Float32Array | Int32Array>(values: Values, target: Values): Values =>
    target.map((_, i) => values[Math.floor(i / count) * signal.k + (i % count)]!) as Values;
  return {
    ...(targetLogProbs && { teacherTargetLogProbs: targetLogProbs }),
    ...(k > 0 && {
      teacherTop: {
        k: count,
        ids: first(ids, new Int32Array(rows * count)),
        logProbs: first(logProbs, new Float32Array(rows * count)),
      },
    }),
  };
}

/** The rows without those that only fill the last chunk. */
function readScores(outputs: Readonly<Record<string, HostTensor>>, count: number, k: number): RowScores {
  const floats = (name: string, width = 1) =>
    outputs[name] && (outputs[name].data as Float32Array).slice(0, count * width);
  const top = (name: string): TopTokens | undefined => {
    const ids = outputs[`${name}Ids`];
    if (!ids) return undefined;
    return { k, ids: (ids.data as Int32Array).slice(0, count * k), logProbs: floats(`${name}LogProbs`, k)! };
  };
  const scores = {
    targetLogProbs: floats("targetLogProbs")!,
    accuracy: floats("accuracy")!,
    objective: floats("objective"),
    kl: floats("kl"),
    agreement: floats("agreement"),
    teacherTargetLogProbs: floats("teacherTargetLogProbs"),
    teacherBestLogProbs: floats("teacherBestLogProbs"),
    top: top("top"),
    teacherTop: top("teacherTop"),
  };
  return Object.fromEntries(Object.entries(scores).filter(([, value]) => value !== undefined)) as unknown as RowScores;
}
