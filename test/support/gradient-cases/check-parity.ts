/** @file Checks in float32: both lowerings of a row agree, and an op without a float64 kernel has its closed-form derivative. */

import { toBinary } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { pullback } from "../../../src/autodiff/gradients.js";
import type { FloatDType } from "../../../src/graph/dtype.js";
import type { Graph, Value } from "../../../src/graph/graph.js";
import { GraphProtoSchema } from "../../../src/graph/onnx/generated/onnx_pb.js";
import type { OnnxTarget } from "../../../src/graph/onnx/lower.js";
import { toOnnx } from "../../../src/graph/onnx/write.js";
import { expand } from "../../../src/graph/ops/index.js";
import type { Feeds } from "../../../src/runtime/executor.js";
import { numbersOf, runGraph } from "../run-graph.js";
import { buildCase, type GradientCase } from "./gradient-case.js";

/** float32: two ways to compute the same value, or a closed form. */
const tolerance = { relative: 1e-5, absolute: 1e-5 };

interface Built {
  readonly graph: Graph;
  readonly values: Readonly<Record<string, Value>>;
  readonly feeds: Feeds;
}

/** Outputs and gradients of a row, of cotangents of ones. */
function buildBoth(row: GradientCase, dtype: FloatDType): Built {
  const { graph, inputs, outputs, feeds } = buildCase(row, dtype);
  const seeds = outputs.map((output) => ({ output, cotangent: expand(graph.number(output.dtype, 1), output.shape) }));
  const wrt = row.wrt ?? Object.keys(feeds).filter((name) => feeds[name]!.dtype === dtype);
  const gradients = pullback(
    seeds,
    wrt.map((name) => inputs[name]!),
  );
  const values: Record<string, Value> = {};
  for (const [i, output] of outputs.entries()) values[`output ${i}`] = output;
  for (const [i, name] of wrt.entries()) values[`gradient of ${name}`] = gradients[i]!;
  return { graph, values, feeds };
}

/** Whether a row's ONNX nodes are the same for both targets, so that they cannot but compute the same. */
export function isLoweredAlike(row: GradientCase, dtype: FloatDType): boolean {
  const { graph, values } = buildBoth(row, dtype);
  const [engine, standard] = (["engine", "standard"] as const).map((target) => {
    const { model } = toOnnx(graph, Object.values(values), { target });
    // Shapes are told to the engine alone.
    return toBinary(GraphProtoSchema, { ...model.graph!, valueInfo: [] });
  });
  return Buffer.compare(engine!, standard!) === 0;
}

async function runFloat32(row: GradientCase, target: OnnxTarget): Promise<ReadonlyMap<string, readonly number[]>> {
  const { graph, values, feeds } = buildBoth(row, "float32");
  const results = await runGraph(graph, Object.values(values), feeds, { target });
  return new Map(Object.keys(values).map((name, i) => [name, numbersOf(results[i])]));
}

/** Outputs and gradients in float32 are the same to 1e-5 through the engine's fused kernels and through standard ops. */
export async function expectParity(row: GradientCase): Promise<void> {
  if (isLoweredAlike(row, "float32")) return;
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
