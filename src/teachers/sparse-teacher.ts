/** @file A local teacher that says a few tokens of every distribution: the likeliest ones, some drawn at random, and normalizers. */

import type { DistillationBatch } from "../data/batch.js";
import { createRandom, type Random } from "../data/random.js";
import { Graph, type Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { chunkRowsFor } from "../losses/chunked-head.js";
import { compile } from "../runtime/executor.js";
import { float32Tensor, type HostTensor, int32Tensor } from "../runtime/tensor.js";
import { documentKey } from "../signals/cache/index.js";
import { teacherHeadName } from "../signals/signal-feeds.js";
import { absentLogProb, type SparseSignal, type TeacherSource } from "../signals/teacher-signal.js";
import type { LocalTeacher } from "./local-teacher.js";

/** Which tokens are said. */
export interface SparseChoice {
  readonly topK: number;
  readonly topP: number;
  readonly minimumProbability: number;
  readonly samples: number;
  readonly temperatures: readonly number[];
  /** Distributions are over the first so many ids of the head. */
  readonly headWidth: number;
}

/**
 * What a local teacher says, cut down to a few tokens. The same document gets the same tokens at every call, the drawn ones too.
 *
 * @param teacher - disposed with the new one.
 */
export async function makeSparseTeacher(
  teacher: LocalTeacher,
  choice: SparseChoice,
  threads: number,
): Promise<TeacherSource> {
  const { samples, headWidth } = choice;
  const size = Math.min(choice.topK, headWidth);
  const k = size + samples;
  const tempered = choice.temperatures.filter((each) => each !== 1);
  const program = await compile(...headGraph(teacher, size, tempered, choice), {
    threads,
    weights: teacher.headFeeds,
  });
  const chunkRows = chunkRowsFor(teacher.form.headWidth, 1024);
  return {
    form: { kind: "sparse", headWidth, k, temperatures: choice.temperatures, tail: samples > 0 ? "sampled" : "bucket" },
    headFeeds: {},
    async signal(batch) {
      const { hidden, hiddenSize, rows } = await teacher.signal(batch);
      const said = emptySignal(rows, k, tempered, choice);
      for (let from = 0; from < rows; from += chunkRows) {
        const to = Math.min(rows, from + chunkRows);
        const outputs: Record<string, HostTensor> = await program.run({
          hidden: float32Tensor([to - from, hiddenSize], hidden.slice(from * hiddenSize, to * hiddenSize)),
          targetIds: int32Tensor([to - from, 1], batch.rows.targetIds.slice(from, to)),
        });
        const values = (name: string) => outputs[name]!.data as Float32Array;
        said.targetLogProbs.set(values("targetLogProbs"), from);
        for (const each of tempered) said.logNormalizers.get(each)!.set(values(`logNormalizer_${each}`), from);
        for (let row = from; row < to; row++) {
          const at = (row - from) * size;
          const best = size > 0 ? (outputs.ids!.data as Int32Array).subarray(at, at + size) : new Int32Array(0);
          const logProbs = size > 0 ? values("logProbs").subarray(at, at + size) : new Float32Array(0);
          const count = keptCount(logProbs, choice);
          said.ids.fill(best[0] ?? 0, row * k, (row + 1) * k);
          said.ids.set(best.subarray(0, count), row * k);
          said.logProbs.set(logProbs.subarray(0, count), row * k);
          if (count === headWidth) normalizeWhole(said, row);
          if (samples === 0) continue;
          said.importance!.fill(1, row * k, row * k + count);
          const all = values("all").subarray((row - from) * headWidth, (row - from + 1) * headWidth);
          addDraws(said, row, size, all, best.subarray(0, count), samples, randomOf(batch, row));
        }
      }
      return said;
    },
    async dispose() {
      await program.dispose();
      await teacher.dispose();
    },
  };
}

function headGraph(
  { form }: LocalTeacher,
  size: number,
  temperatures: readonly number[],
  { samples, headWidth }: SparseChoice,
): [Graph, Record<string, Value>] {
  const graph = new Graph();
  const hidden = graph.input("hidden", "float32", ["rows", form.hiddenSize]);
  const targetIds = graph.input("targetIds", "int32", ["rows", 1]);
  const head = graph.parameter(teacherHeadName, [form.headWidth, form.hiddenSize], "float32");
  const whole = g.matMul(hidden, head, { transposeB: true });
  const logits = headWidth < form.headWidth ? g.slice(whole, { axis: 1, start: 0, end: headWidth }) : whole;
  const logProbs = g.logSoftmax(logits); // [rows, headWidth]
  const outputs: Record<string, Value> = { targetLogProbs: g.gatherElements(logProbs, targetIds) };
  for (const each of temperatures) {
    outputs[`logNormalizer_${each}`] = g.reduceLogSumExp(g.mul(logProbs, 1 / each), { axes: [-1] });
  }
  if (size > 0) {
    const { values, indices } = g.topK(logProbs, size);
    outputs.logProbs = values;
    outputs.ids = g.cast(indices, "int32");
  }
  if (samples > 0) outputs.all = logProbs;
  return [graph, outputs];
}

function emptySignal(rows: number, k: number, temperatures: readonly number[], { samples, headWidth }: SparseChoice) {
  return {
    kind: "sparse",
    headWidth,
    rows,
    k,
    ids: new Int32Array(rows * k),
    logProbs: new Float32Array(rows * k).fill(absentLogProb),
    importance: samples > 0 ? new Float32Array(rows * k) : undefined,
    targetLogProbs: new Float32Array(rows),
    logNormalizers: new Map(temperatures.map((each) => [each, new Float32Array(rows)])),
  } as const satisfies SparseSignal;
}

/** Where every token is kept, the row sums to 1 at every temperature up to the last digit: sums over a vocabulary in float32 do not. */
function normalizeWhole({ k, logProbs, logNormalizers }: ReturnType<typeof emptySignal>, row: number): void {
  const own = logProbs.subarray(row * k, (row + 1) * k);
  const logSum = (temperature: number) =>
    Math.log(
      own.reduce((sum, logProb) => sum + (logProb > absentLogProb / 10 ? Math.exp(logProb / temperature) : 0), 0),
    );
  const shift = logSum(1);
  for (let i = 0; i < k; i++) own[i]! -= shift;
  for (const [temperature, values] of logNormalizers) values[row] = logSum(temperature);
}

/** The likeliest are kept until they hold topP, and while they are as likely as they must be; one at least. */
function keptCount(logProbs: Float32Array, { topP, minimumProbability }: SparseChoice): number {
  let mass = 0;
  for (let i = 0; i < logProbs.length; i++) {
    const probability = Math.exp(logProbs[i]!);
    const isEnough = topP < 1 && mass >= topP;
    if (i > 0 && (isEnough || probability < minimumProbability)) return i;
    mass += probability;
  }
  return logProbs.length;
}

/** Draws from the tokens that are not kept, with replacement, by their probabilities, and counts each as often as that asks for. */
function addDraws(
  said: ReturnType<typeof emptySignal>,
  row: number,
  size: number,
  logProbs: Float32Array,
  kept: Int32Array,
  samples: number,
  random: Random,
): void {
  const isKept = new Set(kept);
  let rest = 0;
  for (let id = 0; id < logProbs.length; id++) if (!isKept.has(id)) rest += Math.exp(logProbs[id]!);
  if (rest <= 0) return;
  const points = Float64Array.from({ length: samples }, () => random.nextFloat() * rest).sort();
  let [mass, point, at] = [0, 0, row * said.k + size];
  for (let id = 0; id < logProbs.length && point < samples; id++) {
    if (isKept.has(id)) continue;
    const probability = Math.exp(logProbs[id]!);
    mass += probability;
    let count = 0;
    for (; point < samples && points[point]! < mass; point++) count++;
    if (count === 0) continue;
    said.ids[at] = id;
    said.logProbs[at] = logProbs[id]!;
    said.importance![at++] = (count * rest) / (samples * probability);
  }
}

/** The row's own stream of random numbers, whatever the batch. */
function randomOf({ rows, documents }: DistillationBatch, row: number): Random {
  const key = documentKey(documents[rows.documents[row]!]!);
  return createRandom(Number.parseInt(key.slice(0, 12), 16), rows.offsets[row]!);
}
