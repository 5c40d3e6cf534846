/** @file A teacher that follows its student at a distance: each of its weights is a moving average of the student's. */

import type { ModelWithWeights } from "../weights/load-model.js";
import { type LocalTeacher, type LocalTeacherOptions, makeLocalTeacher } from "./local-teacher.js";

export interface MovingTeacher extends LocalTeacher {
  /** All weights of its model, by name. A checkpoint is read into them before it is first asked. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** Takes a step towards the student: t ← movingAverage · t + (1 − movingAverage) · s, for the weights that are given. */
  follow(parameters: readonly { readonly name: string; readonly weights: Float32Array }[]): void;
}

/**
 * Compiles a teacher that starts where its student starts.
 *
 * @param start - a copy of the student's start, which becomes the teacher's own and is changed in place.
 * @param movingAverage - the share of itself that a weight keeps at every step, between 0 and 1.
 * @see Tarvainen & Valpola 2017, "Mean teachers are better role models", §2 (arXiv:1703.01780); their α is `movingAverage`.
 */
export async function makeMovingTeacher(
  start: ModelWithWeights,
  movingAverage: number,
  options: LocalTeacherOptions,
): Promise<MovingTeacher> {
  const teacher = await makeLocalTeacher(start, options);
  const weights = new Map([...start.weights].map(([name, { data }]) => [name, data as Float32Array]));
  return {
    ...teacher,
    weights,
    follow(parameters) {
      for (const { name, weights: student } of parameters) {
        const own = weights.get(name)!;
        for (let i = 0; i < own.length; i++) own[i] = movingAverage * own[i]! + (1 - movingAverage) * student[i]!;
      }
      teacher.weightsChanged();
    },
  };
}
