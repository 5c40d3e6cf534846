/** @file A small student family fitted to a teacher by gradient descent: what an objective does with a student that cannot copy it. */

import { gradients } from "../autodiff/gradients.js";
import { NonFiniteError } from "../errors.js";
import { Graph } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { compile, type HostTensor, scalarOf } from "../runtime/index.js";
import { objectiveRows } from "./objective.js";
import { finalObjective, type Objective } from "./options.js";

/** A Gaussian over the outcomes 0, 1, …: q(x) ∝ exp(−(x − mean)² / 2 deviation²). */
export interface Gaussian {
  readonly mean: number;
  readonly deviation: number;
}

export interface Fit extends Gaussian {
  /** The objective where the descent ended. */
  readonly value: number;
  readonly probabilities: readonly number[];
  /** Teacher's mass within two deviations of the mean. */
  readonly covered: number;
}

/** Steps of Adam; its rate falls linearly to 0. */
const steps = 1500;

/** Two peaks of unequal height and width over 61 outcomes, which no Gaussian can copy. */
export function twoPeaks(): readonly number[] {
  const peak = (x: number, mean: number, deviation: number) =>
    Math.exp(-0.5 * ((x - mean) / deviation) ** 2) / deviation;
  const masses = Array.from({ length: 61 }, (_, x) => 0.6 * peak(x, 18, 4) + 0.4 * peak(x, 44, 3));
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  return masses.map((mass) => mass / total);
}

/** Mean and deviation of a distribution over the outcomes 0, 1, … */
export function momentsOf(probabilities: readonly number[]): Gaussian {
  const mean = probabilities.reduce((sum, p, x) => sum + p * x, 0);
  const variance = probabilities.reduce((sum, p, x) => sum + p * (x - mean) ** 2, 0);
  return { mean, deviation: Math.max(Math.sqrt(variance), 0.5) };
}

/**
 * Fits a Gaussian to a teacher in float64, by Adam on its mean and the log of its deviation.
 *
 * @param teacher - one distribution, `[outcomes]`.
 * @param objective - terms that compare with the teacher only.
 * @throws NonFiniteError where the objective is infinite on the way.
 */
export async function fitGaussian(teacher: readonly number[], objective: Objective, start: Gaussian): Promise<Fit> {
  const graph = new Graph();
  const width = teacher.length;
  const row = (values: readonly number[]) => graph.constant("float64", [1, width], Float64Array.from(values));
  const mean = graph.input("mean", "float64", []);
  const logDeviation = graph.input("logDeviation", "float64", []);
  const away = g.mul(g.sub(row(teacher.map((_, x) => x)), mean), g.exp(g.neg(logDeviation))); // [1, outcomes]
  const studentLogits = g.mul(g.mul(away, away), -0.5);
  const logits = row(teacher.map((p) => Math.log(Math.max(p, 1e-300))));
  const terms = objectiveRows(objective, { studentLogits, teacher: { kind: "dense", logits }, targetIds: undefined });
  const weighted = Object.entries(finalObjective(objective)).map(([name, { weight }]) => g.mul(terms[name]!, weight));
  const value = g.reduceSum(weighted.reduce((sum, term) => g.add(sum, term)));
  const [meanSlope, deviationSlope] = gradients(value, [mean, logDeviation]);
  const program = await compile(graph, {
    value,
    meanSlope: meanSlope!,
    deviationSlope: deviationSlope!,
    probabilities: g.softmax(studentLogits),
  });
  try {
    const scalar = (number: number): HostTensor => ({ dtype: "float64", dims: [], data: Float64Array.of(number) });
    const run = (at: readonly number[]) => program.run({ mean: scalar(at[0]!), logDeviation: scalar(at[1]!) });
    const at = [start.mean, Math.log(start.deviation)];
    const rates = [0.02 * width, 0.05];
    const first = [0, 0];
    const second = [0, 0];
    for (let step = 1; step <= steps; step++) {
      const outputs = await run(at);
      const slopes = [scalarOf(outputs.meanSlope), scalarOf(outputs.deviationSlope)];
      if (!slopes.every(Number.isFinite)) {
        throw new NonFiniteError(
          `loss: the fit's slope became ${slopes.find((slope) => !Number.isFinite(slope))} at step ${step}.`,
        );
      }
      for (const [i, slope] of slopes.entries()) {
        first[i] = 0.9 * first[i]! + 0.1 * slope;
        second[i] = 0.99 * second[i]! + 0.01 * slope ** 2;
        const move = first[i]! / (1 - 0.9 ** step) / (Math.sqrt(second[i]! / (1 - 0.99 ** step)) + 1e-12);
        at[i] = at[i]! - rates[i]! * (1 - step / steps) * move;
      }
    }
    const outputs = await run(at);
    const [middle, deviation] = [at[0]!, Math.exp(at[1]!)];
    const covered = teacher.reduce((sum, p, x) => sum + (Math.abs(x - middle) <= 2 * deviation ? p : 0), 0);
    const probabilities = Array.from(outputs.probabilities.data as Float64Array);
    return { mean: middle, deviation, value: scalarOf(outputs.value), probabilities, covered };
  } finally {
    await program.dispose();
  }
}
