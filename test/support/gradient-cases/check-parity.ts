/** @file Checks in float32: both lowerings of a row agree, and an op without a float64 kernel has its closed-form derivative. */

import { expect } from "vitest";
import { pullback } from "../../../src/autodiff/gradients.js";
import type { Value } from "../../../src/graph/graph.js";
import type { OnnxTarget } from "../../../src/graph/onnx/lower.js";
import { expand } from "../../../src/graph/ops/index.js";
import { numbersOf, runGraph } from "../run-graph.js";
import { buildCase, type GradientCase } from "./gradient-case.js";

/** float32: two ways to compute the same value, or a closed form. */
const tolerance = { relative: 1e-5, absolute: 1e-5 };

/** Outputs and gradients of a row, of cotangents of ones, in float32. */
async function runFloat32(row: GradientCase, target: OnnxTarget): Promise<Map<string, readonly number[]>> {
  const { graph, inputs, outputs, feeds } = buildCase(row, "float32");
  const seeds = outputs.map((output) => ({ output, cotangent: expand(graph.number(output.dtype, 1), output.shape) }));
  const wrt = row.wrt ?? Object.keys(feeds).filter((name) => feeds[name]!.dtype === "float32");
  const gradients = pullback(
    seeds,
    wrt.map((name) => inputs[name]!),
  );
  const fetches: Record<string, Value> = {};
  for (const [i, output] of outputs.entries()) fetches[`output ${i}`] = output;
  for (const [i, name] of wrt.entries()) fetches[`gradient of ${name}`] = gradients[i]!;
  const results = await runGraph(graph, Object.values(fetches), feeds, { target });
  return new Map(Object.keys(fetches).map((name, i) => [name, numbersOf(results[i])]));
}

/** Outputs and gradients in float32 are the same to 1e-5 through the engine's fused kernels and through standard ops. */
export async function expectParity(row: GradientCase): Promise<void> {
  const engine = await runFloat32(row, "engine");
  const standard = await runFloat32(row, "standard");
  for (const [name, values] of engine) {
    expect(values, name).toBeAllClose(standard.get(name)!, tolerance);
  }
}

/** The gradient of "x" in float32 is the closed form's, to 1e-5, in both lowerings. */
export async function expectDerivative(row: GradientCase, derivative: (x: number) => number): Promise<void> {
  const expected = Array.from(row.feeds.x!.data as Float64Array, (x) => derivative(Math.fround(x)));
  for (const target of ["engine", "standard"] as const) {
    const got = (await runFloat32(row, target)).get("gradient of x")!;
    expect(got, target).toBeAllClose(expected, tolerance);
  }
}
