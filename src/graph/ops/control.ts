/** @file Ops that steer differentiation, and the loop. */

import { type Dim, printShape, sameShape } from "../dims.js";
import { Graph, type Value } from "../graph.js";
import type { OpAttributes } from "../op-table.js";
import { emit, fail, ownerOf } from "./emit.js";

/** The same value; no gradient flows back through it. */
export function stopGradient(x: Value): Value {
  return emit("StopGradient", [x], {}, { dtype: x.dtype, shape: x.shape });
}

/**
 * The same value, differentiated by a closed form instead of through the nodes that compute it.
 *
 * @param value - what the composite computed.
 * @param inputs - what it depends on. Other dependencies of `value` count as constants.
 * @param gradient - from the cotangent of `value` to one gradient per input, of that input's shape, or undefined for none;
 *   a function is called when that gradient is needed.
 */
export function customGradient(
  value: Value,
  inputs: readonly Value[],
  gradient: OpAttributes["CustomGradient"]["gradient"],
): Value {
  return emit("CustomGradient", [value, ...inputs], { gradient }, { dtype: value.dtype, shape: value.shape });
}

export interface LoopResult {
  /** The carried values after the last iteration. */
  readonly carried: readonly Value[];
  /** What the iterations scanned out, stacked along a new first axis. */
  readonly scanned: readonly Value[];
}

/**
 * Runs a body a number of times: it carries values from one iteration to the next and scans others out.
 *
 * The body may use values of the graph around it. It is not differentiated as a node: differentiate inside the body
 * (see losses/chunked-head.ts), or unroll it.
 *
 * @param trips - int64 scalar; `tripDim` is the symbol or number that its size has in shapes.
 * @param body - builds one iteration in the graph it is given and returns new carried values (shapes unchanged) and scans.
 */
export function loop(
  trips: Value,
  tripDim: Dim,
  initial: readonly Value[],
  body: (body: Graph, iteration: Value, carried: readonly Value[]) => LoopResult,
): LoopResult {
  const owner = ownerOf([trips, ...initial]);
  const inner = new Graph({ parent: owner });
  const prefix = owner.scope === "" ? "" : `${owner.scope}/`;
  const iteration = inner.input(`${prefix}iteration`, "int64", []);
  const carriedIn = initial.map(({ dtype, shape }) => inner.input(`${prefix}carried`, dtype, shape));
  const { carried, scanned } = body(inner, iteration, carriedIn);
  if (carried.length !== initial.length) {
    fail("Loop", [trips, ...initial], `the body must return one carried value per initial one, not ${carried.length}`);
  }
  for (const [i, value] of carried.entries()) {
    if (!sameShape(value.shape, initial[i]!.shape) || value.dtype !== initial[i]!.dtype) {
      fail("Loop", [value], `carried value ${i} must stay ${initial[i]!.dtype} ${printShape(initial[i]!.shape)}`);
    }
  }
  const outputs = owner.append(
    "Loop",
    [trips, ...initial],
    {
      body: inner,
      bodyInputs: [iteration, ...carriedIn],
      bodyOutputs: [...carried, ...scanned],
      carriedCount: carried.length,
    },
    [
      ...initial.map(({ dtype, shape }) => ({ dtype, shape })),
      ...scanned.map(({ dtype, shape }) => ({ dtype, shape: [tripDim, ...shape] })),
    ],
  );
  return { carried: outputs.slice(0, carried.length), scanned: outputs.slice(carried.length) };
}
