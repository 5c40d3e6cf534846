/** @file What one row of the table of derivative checks is, and the tensors that rows are fed. */

import { createRandom } from "../../../src/data/random.js";
import type { Shape } from "../../../src/graph/dims.js";
import type { FloatDType } from "../../../src/graph/dtype.js";
import { Graph, type Value } from "../../../src/graph/graph.js";
import type { HostTensor } from "../../../src/runtime/tensor.js";

export interface GradientCase {
  /** What is special about this row: shapes, options, values. */
  readonly name: string;
  readonly feeds: Readonly<Record<string, HostTensor>>;
  /** Inputs to differentiate; every float64 one when left out. */
  readonly wrt?: readonly string[];
  /** Shapes with symbols. */
  readonly shapes?: Readonly<Record<string, Shape>>;
  readonly build: (inputs: Inputs) => Value | readonly Value[];
  /**
   * For ops without a float64 kernel: the derivative of every output element by its input element "x", in closed form.
   * The row is then checked against it in float32.
   */
  readonly derivative?: (x: number) => number;
}

/** A row's inputs by name, which are those of its feeds. */
export type Inputs = Readonly<Record<string, Value>> & { readonly x: Value; readonly a: Value; readonly b: Value };

/** A row as a graph of its own, with what to feed it. */
export interface BuiltCase {
  readonly graph: Graph;
  readonly inputs: Inputs;
  readonly outputs: readonly Value[];
  readonly feeds: Readonly<Record<string, HostTensor>>;
}

/** Builds a row with its float inputs as `dtype`. */
export function buildCase(row: GradientCase, dtype: FloatDType): BuiltCase {
  const graph = new Graph();
  const feeds: Record<string, HostTensor> = {};
  const inputs: Record<string, Value> = {};
  for (const [name, tensor] of Object.entries(row.feeds)) {
    const isNarrowed = tensor.dtype === "float64" && dtype === "float32";
    const feed = isNarrowed ? { ...tensor, dtype, data: Float32Array.from(tensor.data as Float64Array) } : tensor;
    feeds[name] = feed;
    inputs[name] = graph.input(name, feed.dtype, row.shapes?.[name] ?? feed.dims);
  }
  const outputs = [row.build(inputs as Inputs)].flat() as readonly Value[];
  return { graph, inputs: inputs as Inputs, outputs, feeds };
}

/**
 * Where values are drawn from: `any` (−2 to 2), `positive` (0.5 to 2), `nonzero` (0.3 to 2 with either sign), `distinct`
 * (a shuffle of numbers 0.1 apart, for maxima).
 */
export type Domain = "any" | "positive" | "nonzero" | "distinct";

const random = createRandom(20260101);

/** A float64 tensor of random numbers. The stream is one for the whole table, so a row's numbers never change. */
export function draw(dims: readonly number[], domain: Domain = "any"): HostTensor {
  const length = dims.reduce((product, size) => product * size, 1);
  const uniform = (low: number, high: number) => low + (high - low) * random.nextFloat();
  const sample: Readonly<Record<Domain, () => number>> = {
    any: () => uniform(-2, 2),
    positive: () => uniform(0.5, 2),
    nonzero: () => (random.nextBelow(2) === 0 ? -1 : 1) * uniform(0.3, 2),
    distinct: () => 0,
  };
  const data = Float64Array.from({ length }, sample[domain]);
  if (domain === "distinct")
    for (const [i, place] of shuffled(length).entries()) data[i] = (place - Math.floor(length / 2)) / 10;
  return { dtype: "float64", dims, data };
}

function shuffled(length: number): number[] {
  const places = Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const other = random.nextBelow(i + 1);
    [places[i], places[other]] = [places[other]!, places[i]!];
  }
  return places;
}

/** These float64 numbers. */
export function numbers(...values: readonly number[]): HostTensor {
  return { dtype: "float64", dims: [values.length], data: Float64Array.from(values) };
}

export function indices(
  dims: readonly number[],
  values: readonly number[],
  dtype: "int32" | "int64" = "int64",
): HostTensor {
  return { dtype, dims, data: dtype === "int32" ? Int32Array.from(values) : BigInt64Array.from(values, BigInt) };
}

export function booleans(dims: readonly number[], values: readonly number[]): HostTensor {
  return { dtype: "bool", dims, data: Uint8Array.from(values) };
}

/** Pairs of shapes that broadcast: what is special about each, then both. */
export const broadcastPairs: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  ["equal shapes", [2, 3, 4], [2, 3, 4]],
  ["a scalar on the right", [2, 3, 4], []],
  ["a scalar on the left", [], [2, 3, 4]],
  ["a trailing vector", [2, 3, 4], [4]],
  ["a lower rank on the right", [2, 3, 4], [3, 1]],
  ["a lower rank on the left", [3, 4], [2, 3, 4]],
  ["ones on both sides", [2, 1, 4], [1, 3, 1]],
  ["interleaved ones", [1, 2, 1, 3], [2, 1, 2, 1]],
];
