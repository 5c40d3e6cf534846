/** @file Random small graphs for property tests. */

import fc from "fast-check";
import type { Value } from "../../src/graph/graph.js";
import * as g from "../../src/graph/ops/index.js";

/** One op of a random graph: its operands are chosen among the values made so far. */
export interface Step {
  readonly op: number;
  readonly left: number;
  readonly right: number;
}

/** Ops on 3 × 3 matrices that are smooth everywhere and keep values small. */
const smoothOps: readonly ((a: Value, b: Value) => Value)[] = [
  (a, b) => g.add(a, b),
  (a, b) => g.sub(a, g.mul(b, 0.5)),
  (a, b) => g.mul(g.tanh(a), b),
  (a, b) => g.div(a, g.add(g.mul(b, b), 1)),
  (a) => g.neg(g.sigmoid(a)),
  (a) => g.exp(g.tanh(a)),
  (a) => g.log(g.add(g.mul(a, a), 1)),
  (a) => g.sqrt(g.add(g.mul(a, a), 1)),
  (a) => g.softplus(a),
  (a) => g.silu(a),
  (a) => g.softmax(a, { axis: 0 }),
  (a) => g.logSoftmax(a),
  (a, b) => g.tanh(g.matMul(a, b, { alpha: 0.5 })),
  (a, b) => g.tanh(g.matMul(a, b, { transposeA: true, transposeB: true })),
  (a) => g.transpose(a, [1, 0]),
  (a, b) => g.add(a, g.reduceMean(b, { axes: [-1], keepDims: true })),
  (a, b) => g.sub(a, g.reduceLogSumExp(b, { axes: [0] })),
  (a, b) => g.reshape(g.slice(g.reshape(g.concat([a, b], 0), [18]), { axis: 0, start: 4, end: 13 }), [3, 3]),
  (a) => g.pad(g.slice(a, { axis: 1, start: 1, end: 3 }), { axis: 1, before: 0, after: 1 }),
  (a) => g.gather(a, a.graph.constant("int64", [3], BigInt64Array.of(2n, 0n, 2n))),
  (a, b) => g.identity(g.mul(a, g.tanh(b))),
  (a, b) => g.rmsNorm(a, g.reduceSum(b, { axes: [0] }), 1e-2),
];

/** The steps of a graph of up to ten ops. */
export const arbitrarySteps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({ op: fc.nat(smoothOps.length - 1), left: fc.nat(), right: fc.nat() }),
  { minLength: 1, maxLength: 10 },
);

/** Applies the steps to 3 × 3 matrices; the last three values are the outputs. */
export function buildSteps(inputs: readonly Value[], steps: readonly Step[]): readonly Value[] {
  const values = [...inputs];
  const { graph } = inputs[0]!;
  for (const [i, { op, left, right }] of steps.entries()) {
    const [a, b] = [values[left % values.length]!, values[right % values.length]!];
    values.push(graph.within(`step.${i}`, () => smoothOps[op]!(a, b)));
  }
  return values.slice(-3);
}
