/** @file Tokens drawn at random stand for the whole distribution without bias, at every temperature: so do losses and gradients, which are linear in them. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeBatch } from "../../src/data/index.js";
import { absentLogProb, type HiddenSignal, type SparseSignal } from "../../src/signals/teacher-signal.js";
import type { LocalTeacher } from "../../src/teachers/local-teacher.js";
import { makeSparseTeacher, type SparseChoice } from "../../src/teachers/sparse-teacher.js";
import { documentOf, idsOf, loadGolden, teacherOf } from "../support/one-step.js";

const headWidth = 96;
const documents = Array.from({ length: 60 }, (_, i) => documentOf(idsOf(i, 3), idsOf(i + 500, 40)));
const sequences = documents.map((_, i) => [i]);
const layout = { sequenceLength: 0, packing: false };
const batch = makeBatch(documents, sequences, layout);
const whole = { topP: 1, minimumProbability: 0, headWidth, temperatures: [1, 2] };

let teacher: LocalTeacher;
let hidden: HiddenSignal;
beforeAll(async () => {
  teacher = await teacherOf(await loadGolden("teacher"));
  hidden = await teacher.signal(batch);
});
afterAll(() => teacher.dispose());

/** The teacher stays open for the next test. */
async function say(choice: SparseChoice, asked = batch): Promise<SparseSignal> {
  const sparse = await makeSparseTeacher({ ...teacher, dispose: async () => {} }, choice, 1);
  try {
    return (await sparse.signal(asked)) as SparseSignal;
  } finally {
    await sparse.dispose();
  }
}

/** Probabilities at a temperature of every row, in float64. */
function probabilitiesOf({ hidden: values, hiddenSize, rows }: HiddenSignal, temperature: number): Float64Array[] {
  const head = Object.values(teacher.headFeeds)[0]!.data as Float32Array;
  return Array.from({ length: rows }, (_, row) => {
    const exps = Float64Array.from({ length: headWidth }, (_, id) => {
      let logit = 0;
      for (let i = 0; i < hiddenSize; i++) logit += values[row * hiddenSize + i]! * head[id * hiddenSize + i]!;
      return Math.exp(logit / temperature);
    });
    const total = exps.reduce((sum, value) => sum + value, 0);
    return exps.map((value) => value / total);
  });
}

describe.each([
  ["draws alone", { topK: 0, samples: 12 }],
  ["the likeliest 8, and draws from the rest", { topK: 8, samples: 8 }],
])("%s", (_, sizes) => {
  it.each([1, 2])("count every token as often as it is likely, on average, at temperature %i", async (temperature) => {
    const { k, ids, logProbs, importance, logNormalizers } = await say({ ...whole, ...sizes });
    const wanted = probabilitiesOf(hidden, temperature);
    const [sums, squares] = [new Float64Array(headWidth), new Float64Array(headWidth)];
    for (const [row, probabilities] of wanted.entries()) {
      const weights = new Float64Array(headWidth);
      for (let i = row * k; i < (row + 1) * k; i++) {
        if (logProbs[i]! < absentLogProb / 10) continue;
        const shift = logNormalizers.get(temperature)?.[row] ?? 0;
        weights[ids[i]!]! += importance![i]! * Math.exp(logProbs[i]! / temperature - shift);
      }
      for (let id = 0; id < headWidth; id++) {
        const difference = weights[id]! - probabilities[id]!;
        sums[id]! += difference;
        squares[id]! += difference * difference;
      }
    }
    // 96 ids: the largest of so many standard normal numbers is below 4.5 in all but one of 1,500 cases.
    const scores = sums.map((sum, id) => Math.abs(sum) / Math.sqrt(squares[id]! + 1e-12));
    expect(Math.max(...scores)).toBeLessThan(4.5);
    expect(squares.every((square) => square > 0)).toBe(true);
  });

  it("are the same for a document in any batch", async () => {
    const one = await say({ ...whole, ...sizes }, makeBatch(documents, [[7]], layout));
    const all = await say({ ...whole, ...sizes });
    const { k } = all;
    const from = batch.rows.documents.indexOf(7) * k;
    expect([...one.ids]).toEqual([...all.ids.subarray(from, from + one.rows * k)]);
  });
});

describe("top-p", () => {
  it("keeps as many of the likeliest as hold it, and one at least", async () => {
    const { k, logProbs, rows } = await say({ ...whole, topK: 20, topP: 0.5, samples: 0 });
    const counts = new Set<number>();
    for (let row = 0; row < rows; row++) {
      const kept = [...logProbs.subarray(row * k, (row + 1) * k)].filter((each) => each > absentLogProb / 10);
      const mass = (count: number) => kept.slice(0, count).reduce((sum, each) => sum + Math.exp(each), 0);
      if (kept.length < k) expect(mass(kept.length)).toBeGreaterThanOrEqual(0.5);
      expect(mass(kept.length - 1)).toBeLessThan(0.5);
      counts.add(kept.length);
    }
    expect(counts.size).toBeGreaterThan(2);
  });
});
