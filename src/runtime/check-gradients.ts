/** @file Checks the gradients of anything built from ops, in float64 through the engine, against central differences. */

import { pullback } from "../autodiff/gradients.js";
import { LimbeckError } from "../errors.js";
import type { Shape } from "../graph/dims.js";
import { Graph, type Value } from "../graph/graph.js";
import { compile } from "./executor.js";
import type { Feeds } from "./feeds.js";
import { float64Tensor, type HostTensor } from "./tensor.js";

export interface GradientCheckOptions<Name extends string> {
  /** What the inputs hold; at least one must be float64. Keep away from kinks: there the two sides rightly differ. */
  readonly feeds: Readonly<Record<Name, HostTensor>>;
  /** Inputs to differentiate; every float64 one when left out. */
  readonly wrt?: readonly NoInfer<Name>[];
  /** Shapes with symbols, for inputs whose sizes the graph should not know. */
  readonly shapes?: Readonly<Partial<Record<NoInfer<Name>, Shape>>>;
  /** Chooses the random projection and directions; 0 when left out. */
  readonly seed?: number;
}

/** One directional derivative, computed both ways. */
export interface GradientComparison {
  readonly input: string;
  /** The element that was moved, or undefined where all moved in a random direction. */
  readonly element: readonly number[] | undefined;
  /** By central difference. */
  readonly expected: number;
  /** By the rules. */
  readonly got: number;
  /** |expected − got| divided by the tolerance 1e-8 + 1e-6 · |expected|: at most 1, or the check fails. */
  readonly error: number;
}

export interface GradientCheck {
  readonly comparisons: number;
  readonly worst: GradientComparison;
}

const stepSize = 1e-5;
const relativeTolerance = 1e-6;
const absoluteTolerance = 1e-8;
/** Inputs of at most this many elements have each of them checked. */
const everyElementUpTo = 64;

/**
 * Checks gradients against (L(x + h·v) − L(x − h·v)) / 2h with h = 1e-5, where L = Σ ⟨u, output⟩ for random u.
 *
 * Inputs of up to 64 elements have every element checked (v a unit vector), larger ones one random direction. Fused
 * kernels are not: none of them computes in float64.
 *
 * @param build - from the inputs to one or more float64 outputs of any shape.
 * @throws LimbeckError `GRADIENT_CHECK` with input, element, expected and got, where they differ by more than
 *   1e-8 + 1e-6 · |expected|.
 * @example
 * await checkGradients(({ student, teacher }) => myDivergence(student, teacher), {
 *   feeds: { student: float64Tensor([2, 3], studentLogits), teacher: float64Tensor([2, 3], teacherLogits) },
 *   wrt: ["student"],
 * });
 */
export async function checkGradients<Name extends string>(
  build: (inputs: Readonly<Record<Name, Value>>, graph: Graph) => Value | readonly Value[],
  options: GradientCheckOptions<Name>,
): Promise<GradientCheck> {
  const { feeds, seed = 0 } = options;
  const names = Object.keys(feeds) as Name[];
  const wrt = options.wrt ?? names.filter((name) => feeds[name].dtype === "float64");
  if (!wrt.some((name) => feeds[name].data.length > 0)) {
    throw new LimbeckError("GRADIENT_CHECK", "checkGradients: an input with elements must be float64, got none.");
  }
  const graph = new Graph();
  const inputs = {} as Record<Name, Value>;
  for (const name of names) {
    inputs[name] = graph.input(name, feeds[name].dtype, options.shapes?.[name] ?? feeds[name].dims);
  }
  const outputs = [build(inputs, graph)].flat() as readonly Value[];
  const differentiated = wrt.map((name) => inputs[name]);
  for (const value of [...differentiated, ...outputs]) {
    if (value.dtype === "float64") continue;
    throw new LimbeckError("GRADIENT_CHECK", `checkGradients: "${value.name}" must be float64, got ${value.dtype}.`);
  }

  const random = randomNumbers(seed);
  const { projection, differences } = await withProgram(graph, outputs, async (run) => {
    const values = await run(feeds);
    const projection = values.map(({ dims, data }) => float64Tensor(dims, randomVector(data.length, random)));
    const differences: Difference<Name>[] = [];
    for (const input of wrt) {
      const { dims, data } = feeds[input];
      for (const { direction, element } of directions(dims, data.length, random)) {
        const at = (step: number) => run({ ...feeds, [input]: moved(feeds[input], direction, step) });
        const expected = dot(slopes(await at(stepSize), await at(-stepSize)), projection);
        differences.push({ input, element, direction, expected });
      }
    }
    return { projection, differences };
  });

  const seeds = outputs.map((output, i) => ({
    output,
    cotangent: graph.input(`cotangent_${i}`, "float64", output.shape),
  }));
  const gradients = pullback(seeds, differentiated);
  const cotangents = Object.fromEntries(seeds.map(({ cotangent }, i) => [cotangent.name, projection[i]!]));
  const results = await withProgram(graph, gradients, (run) => run({ ...feeds, ...cotangents }));
  const comparisons = differences.map(({ input, element, direction, expected }): GradientComparison => {
    const got = dot([results[wrt.indexOf(input)]!], [{ data: direction }]);
    const error = Math.abs(expected - got) / (absoluteTolerance + relativeTolerance * Math.abs(expected));
    return { input, element, expected, got, error: Number.isNaN(error) ? Number.POSITIVE_INFINITY : error };
  });
  return verdict(comparisons, seed);
}

interface Direction {
  readonly direction: Float64Array;
  readonly element: readonly number[] | undefined;
}

interface Difference<Name> extends Direction {
  readonly input: Name;
  readonly expected: number;
}

/** A unit vector for each element of a small tensor; one random vector for a large one. */
function directions(dims: readonly number[], length: number, random: () => number): readonly Direction[] {
  if (length > everyElementUpTo) return [{ direction: randomVector(length, random), element: undefined }];
  return Array.from({ length }, (_, index) => {
    const direction = new Float64Array(length);
    direction[index] = 1;
    return { direction, element: placeOf(index, dims) };
  });
}

/** The indices, axis by axis, of an element of a row-major tensor. */
function placeOf(index: number, dims: readonly number[]): readonly number[] {
  let rest = index;
  return dims
    .toReversed()
    .map((size) => {
      const here = rest % size;
      rest = (rest - here) / size;
      return here;
    })
    .toReversed();
}

async function withProgram<T>(
  graph: Graph,
  values: readonly Value[],
  use: (run: (feeds: Feeds) => Promise<readonly HostTensor[]>) => Promise<T>,
): Promise<T> {
  const program = await compile(graph, Object.fromEntries(values.entries()), { threads: 1 });
  try {
    return await use(async (feeds) => {
      const results = await program.run(feeds);
      return values.map((_, i) => results[i]!);
    });
  } finally {
    await program.dispose();
  }
}

/** x + step · direction. */
function moved({ dims, data }: HostTensor, direction: Float64Array, step: number): HostTensor {
  return float64Tensor(
    dims,
    direction.map((d, i) => Number(data[i]) + step * d),
  );
}

/** (plus − minus) / 2h, element by element: outputs that did not move leave no rounding behind in the sum. */
function slopes(plus: readonly HostTensor[], minus: readonly HostTensor[]): readonly HostTensor[] {
  return plus.map(({ dims, data }, k) => {
    const other = minus[k]!.data;
    const values = Float64Array.from(data.keys(), (i) => (Number(data[i]) - Number(other[i])) / (2 * stepSize));
    return float64Tensor(dims, values);
  });
}

/** Σ ⟨left, right⟩. */
function dot(left: readonly Pick<HostTensor, "data">[], right: readonly Pick<HostTensor, "data">[]): number {
  let sum = 0;
  for (const [i, { data }] of left.entries()) {
    for (const [j, value] of data.entries()) sum += Number(value) * Number(right[i]!.data[j]);
  }
  return sum;
}

function verdict(comparisons: readonly GradientComparison[], seed: number): GradientCheck {
  const worst = comparisons.reduce((worst, other) => (other.error > worst.error ? other : worst));
  if (worst.error <= 1) return { comparisons: comparisons.length, worst };
  const place = worst.element ? `at element [${worst.element.join(", ")}]` : "along a random direction";
  throw new LimbeckError(
    "GRADIENT_CHECK",
    `checkGradients: the gradient of "${worst.input}" ${place} must be ${worst.expected} by central difference, ` +
      `got ${worst.got} (seed ${seed}).`,
    { details: { ...worst, seed } },
  );
}

function randomVector(length: number, random: () => number): Float64Array {
  return Float64Array.from({ length }, random);
}

/** Numbers in [−1, 1) by mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}
