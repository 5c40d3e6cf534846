/** @file Checks the gradients of anything built from ops, in float64 through the engine, against central differences. */

import { pullback } from "../autodiff/gradients.js";
import { LimbeckError, show } from "../errors.js";
import { printShape, type Shape } from "../graph/dims.js";
import { Graph, type Value } from "../graph/graph.js";
import { compile, type Program } from "./executor.js";
import type { HostTensor } from "./tensor.js";

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
 * Inputs of up to 64 elements have every element checked (v a unit vector), larger ones one random direction. Both
 * lowerings, for the engine and to standard ops, are checked.
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
  const graph = new Graph();
  const inputs = {} as Record<Name, Value>;
  for (const name of names) {
    inputs[name] = graph.input(name, feeds[name].dtype, options.shapes?.[name] ?? feeds[name].dims);
  }
  const built = build(inputs, graph);
  const outputs = Array.isArray(built) ? (built as readonly Value[]) : [built as Value];
  for (const { name, dtype } of [...wrt.map((input) => inputs[input]), ...outputs]) {
    if (dtype !== "float64") {
      throw new LimbeckError("GRADIENT_CHECK", `checkGradients: "${name}" must be float64, got ${dtype}.`);
    }
  }
  const random = randomNumbers(seed);
  const comparisons: GradientComparison[] = [];
  await withProgram(graph, outputs, "engine", async (forward) => {
    const projection = (await forward.run(feeds)).map(({ dims, data }) => randomTensor(dims, data.length, random));
    const project = async (name: Name, data: Float64Array) =>
      dot(await forward.run({ ...feeds, [name]: { ...feeds[name], data } }), projection);
    const differences: { readonly name: Name; readonly element?: readonly number[]; v: Float64Array; expected: number }[] =
      [];
    for (const name of wrt) {
      const { dims, data } = feeds[name];
      const x = data as Float64Array;
      for (const v of directions(x.length, random)) {
        const plus = await project(name, moved(x, v, stepSize));
        const minus = await project(name, moved(x, v, -stepSize));
        const element = x.length <= everyElementUpTo ? { element: place(v.indexOf(1), dims) } : {};
        differences.push({ name, v, expected: (plus - minus) / (2 * stepSize), ...element });
      }
    }
    const cotangents = outputs.map((output, i) => graph.input(`cotangent_${i}`, output.dtype, output.shape));
    const seeds = outputs.map((output, i) => ({ output, cotangent: cotangents[i]! }));
    const gradients = pullback(
      seeds,
      wrt.map((name) => inputs[name]),
    );
    const cotangentFeeds = Object.fromEntries(cotangents.map(({ name }, i) => [name, projection[i]!]));
    for (const target of ["engine", "standard"] as const) {
      await withProgram(graph, gradients, target, async (backward) => {
        const results = await backward.run({ ...feeds, ...cotangentFeeds });
        for (const { name, element, v, expected } of differences) {
          const got = dot([results[wrt.indexOf(name)]!], [{ data: v }]);
          const error = Math.abs(expected - got) / (absoluteTolerance + relativeTolerance * Math.abs(expected));
          comparisons.push({ input: name, element, expected, got, error });
        }
      });
    }
  });
  return verdict(comparisons, seed);
}
