/** @file A student's predictions on all rows of a step, hardened so that every class has the share that its teacher's labels give it. */

import type { DistillationBatch } from "../data/batch.js";
import { makeRowScorer, type TopTokens } from "../evaluate/row-scores.js";
import { countsOf, hardenToCounts } from "../losses/class-shares.js";
import type { CompileOptions, Feeds } from "../runtime/executor.js";
import type { TeacherSignal, TeacherSource } from "../signals/teacher-signal.js";
import type { StudentModel } from "../students/student-model.js";

/** A micro-batch's labels, `[rows]`, and what the teacher said of it. */
export interface HardenedBatch {
  readonly ids: Int32Array;
  readonly signal: TeacherSignal;
}

export interface Hardener {
  /** @param weights - the student's, as they are before the step. */
  harden(microBatches: readonly DistillationBatch[], weights: Feeds): Promise<readonly HardenedBatch[]>;
  dispose(): Promise<void>;
}

/**
 * Compiles a forward pass of the student, which every step does once more before it learns: shares are those of the whole step, so
 * that how it is cut into micro-batches changes nothing.
 *
 * @param labels - whether a class's share is the mean of the teacher's probabilities, or of its likeliest classes.
 */
export async function makeHardener(
  student: StudentModel,
  teacher: TeacherSource,
  labels: "soft" | "hard",
  options: CompileOptions & { readonly positionCount: number; readonly chunkRows: number },
): Promise<Hardener> {
  const classes = student.shape.headWidth;
  const scorer = await makeRowScorer(student, { ...options, signal: teacher.form, topK: classes });
  return {
    async harden(microBatches, weights) {
      const rows: number[] = [];
      const logProbs: number[] = [];
      const totals = new Float64Array(classes);
      const signals: TeacherSignal[] = [];
      for (const batch of microBatches) {
        const signal = await teacher.signal(batch);
        const scores = await scorer.score(batch, { ...weights, ...teacher.headFeeds }, signal);
        for (const logProb of byClass(scores.top!)) logProbs.push(logProb);
        addLabels(totals, scores.teacherTop!, labels);
        rows.push(batch.rows.count);
        signals.push(signal);
      }
      const count = rows.reduce((sum, each) => sum + each, 0);
      const whole = totals.reduce((sum, total) => sum + total, 0);
      const shares = totals.map((total) => total / whole);
      const hardened = hardenToCounts(logProbs, countsOf(shares, count));
      let from = 0;
      return signals.map((signal, i) => {
        const ids = hardened.subarray(from, from + rows[i]!);
        from += rows[i]!;
        return { ids, signal };
      });
    },
    dispose: () => scorer.dispose(),
  };
}

/** `[rows, k]` in the order of the classes, which are all there. */
function byClass({ k, ids, logProbs }: TopTokens): Float32Array {
  const ordered = new Float32Array(logProbs.length);
  for (const [i, id] of ids.entries()) ordered[Math.floor(i / k) * k + id] = logProbs[i]!;
  return ordered;
}

/** Adds each row's probabilities to the totals of the classes, or 1 to its likeliest class. */
function addLabels(totals: Float64Array, { k, ids, logProbs }: TopTokens, labels: "soft" | "hard"): void {
  for (const [i, id] of ids.entries()) {
    const share = labels === "soft" ? Math.exp(logProbs[i]!) : Number(i % k === 0);
    totals[id] = totals[id]! + share;
  }
}
