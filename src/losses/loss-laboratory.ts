/** @file Any objective on hand-written distributions, in float64: values, rows and gradients, through the training graph's own code. */

import { gradients } from "../autodiff/gradients.js";
import { NonFiniteError } from "../errors.js";
import { Graph, type Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { compile, type HostTensor, scalarOf } from "../runtime/index.js";
import type { LossInput } from "./loss-input.js";
import { type MixedLogits, mixLogits, sharesOf } from "./mixture.js";
import { objectiveRows, type TeacherRows } from "./objective.js";
import { finalObjective } from "./options.js";
import { logZero } from "./outcomes.js";

export interface LossResult {
  /** Mean over unmasked rows, by `rowWeights`, of Σ weight · term; 0 where all are masked or weigh nothing. */
  readonly value: number;
  /** Each term's mean over the same rows, without its own weight, τ² included. */
  readonly terms: Readonly<Record<string, number>>;
  /** Σ weight · term per input row; 0 where masked. */
  readonly rows: readonly number[];
  /** ∂value/∂student logits (for probabilities, at logits = log p), one line per input row; 0 where masked. */
  readonly gradient: readonly (readonly number[])[];
}

/**
 * Evaluates an objective; weights and temperatures that change over a run are those that a long run ends with.
 *
 * @throws NonFiniteError where a divergence is infinite, such as reverse KL on a token of teacher probability 0.
 */
export async function computeLoss(input: LossInput): Promise<LossResult> {
  const graph = new Graph();
  const feeds: Record<string, HostTensor> = {};
  const feedTable = (name: string, table: readonly (readonly number[])[]): Value => {
    const dims = [table.length, table[0]!.length];
    feeds[name] = { dtype: "float64", dims, data: Float64Array.from(table.flat()) };
    return graph.input(name, "float64", dims);
  };
  const studentLogits = feedTable("student", asLogits(input.student));
  const rowCount = feeds.student!.dims[0]!;
  const mask = input.responseMask ?? new Array<number>(rowCount).fill(1);
  const targetIds = input.targetIds ? graph.input("targets", "int64", [rowCount]) : undefined;
  if (input.targetIds) {
    // A masked row's target may be anything, such as −100: it is never looked at.
    const ids = input.targetIds.map((id, row) => (mask[row] === 1 ? id : 0));
    feeds.targets = { dtype: "int64", dims: [rowCount], data: BigInt64Array.from(ids, BigInt) };
  }
  const teacher = input.teacher ? teacherRows(input.teacher, graph, feedTable, feeds) : undefined;
  const objective = finalObjective(input.objective);
  const terms = objectiveRows(objective, { studentLogits, teacher, targetIds });

  const rowWeights = mask.map((isOn, row) => isOn * (input.rowWeights?.[row] ?? 1));
  const denominator = rowWeights.reduce((sum, weight) => sum + weight, 0) || 1;
  const weightValue = graph.constant("float64", [rowCount], Float64Array.from(rowWeights));
  const mean = (rows: Value) => g.div(g.reduceSum(g.mul(rows, weightValue)), denominator);
  const maskValue = graph.constant("float64", [rowCount], Float64Array.from(mask));
  const names = Object.keys(terms);
  const masked = names.map((name) => g.where(g.greater(maskValue, 0), terms[name]!, 0));
  const weighted = masked.map((rows, i) => g.mul(rows, objective[names[i]!]!.weight));
  const total = weighted.reduce((sum, rows) => g.add(sum, rows)); // [rows]
  const value = mean(total);
  const means = masked.map(mean);
  const [gradient] = gradients(value, [studentLogits]) as [Value];
  const program = await compile(graph, {
    value,
    total,
    gradient,
    ...Object.fromEntries(means.map((mean, i) => [`term_${i}`, mean])),
  });
  try {
    const outputs: Record<string, HostTensor> = await program.run(feeds);
    const rows = Array.from(outputs.total!.data as Float64Array);
    expectFinite(rows);
    const flat = Array.from(outputs.gradient!.data as Float64Array);
    const width = flat.length / rowCount;
    return {
      value: scalarOf(outputs.value!),
      terms: Object.fromEntries(names.map((name, i) => [name, scalarOf(outputs[`term_${i}`]!)])),
      rows,
      gradient: rows.map((_, row) => flat.slice(row * width, (row + 1) * width)),
    };
  } finally {
    await program.dispose();
  }
}

type Table = readonly (readonly number[])[];

/** Logits as given, or the log of probabilities. */
function asLogits({ logits, probabilities }: { logits?: Table | undefined; probabilities?: Table | undefined }): Table {
  return logits ?? probabilities!.map((row) => row.map((p) => (p === 0 ? logZero : Math.log(p))));
}

function teacherRows(
  given: NonNullable<LossInput["teacher"]>,
  graph: Graph,
  feedTable: (name: string, table: Table) => Value,
  feeds: Record<string, HostTensor>,
): TeacherRows {
  if (given.mixture) {
    const shares = sharesOf(given.mixture);
    const members = given.mixture.map((member, i): MixedLogits => {
      return { logits: feedTable(`teacher.${i}`, asLogits(member)), share: shares[i]! };
    });
    const width = Math.min(...members.map(({ logits }) => logits.shape[1] as number));
    return { kind: "dense", logits: mixLogits(members, width) };
  }
  if (!given.topK) return { kind: "dense", logits: feedTable("teacher", asLogits(given)) };
  const { ids, logProbs, logNormalizers, tail, importance } = given.topK;
  const dims = [ids.length, ids[0]!.length];
  feeds.topKIds = { dtype: "int64", dims, data: BigInt64Array.from(ids.flat(), BigInt) };
  const idValue = graph.input("topKIds", "int64", dims);
  const logProbValue = feedTable("topKLogProbs", logProbs);
  const importanceValue = importance && feedTable("topKImportance", importance);
  const normalizers = new Map(
    Object.entries(logNormalizers).map(([temperature, perRow]) => [
      Number(temperature),
      graph.constant("float64", [perRow.length, 1], Float64Array.from(perRow)),
    ]),
  );
  return {
    kind: "sparse",
    tail,
    headWidth: feeds.student!.dims[1]!,
    topK: (temperature) => ({
      ids: idValue,
      logProbs: logProbValue,
      importance: importanceValue,
      logNormalizer: temperature === 1 ? undefined : normalizers.get(temperature),
    }),
  };
}

/** Values this large come from the stand-in for log 0: the true value is infinite. */
function expectFinite(rows: readonly number[]): void {
  const row = rows.findIndex((value) => !Number.isFinite(value) || Math.abs(value) > 1e20);
  if (row < 0) return;
  throw new NonFiniteError(`loss: row ${row} is infinite or not a number: one side gives 0 where the other does not.`, {
    hint: "Give that token a small probability, or pick a divergence that stays finite, such as forward-kl.",
  });
}
