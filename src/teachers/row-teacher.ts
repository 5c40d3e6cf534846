/** @file A teacher that was asked before: the rows themselves say how likely each class is. */

import type { ClassTeacher } from "./class-teacher.js";

/** Stands for log 0: finite, so that 0 · log 0 is 0. */
const logZero = -1e30;

/** Hands over the probabilities of the rows as log-probs. */
export function makeRowTeacher(classes: number): ClassTeacher {
  return {
    form: { kind: "dense", headWidth: classes },
    headFeeds: {},
    async signal({ rows: { count, probabilities = new Float32Array(0) } }) {
      const logits = probabilities.map((share) => (share === 0 ? logZero : Math.log(share)));
      return { kind: "dense", rows: count, headWidth: classes, logits };
    },
    async dispose() {},
  };
}
