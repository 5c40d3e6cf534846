/**
 * @file How large the numbers of an 8-bit weight may be: processors without VNNI (AVX2, and most before 2019) add pairs of 8-bit
 * products up in 16 bits, where 2 · 255 · 127 does not fit and is cut off silently.
 */

import { Graph } from "../../graph/graph.js";
import { dynamicQuantizeMatMul } from "../../graph/ops/index.js";
import { compile } from "../../runtime/executor.js";
import { float32Tensor } from "../../runtime/tensor.js";

/** Largest magnitude of the numbers: all of 8 bits, or what no processor cuts off (2 · 255 · 64 < 2¹⁵). */
export type Int8Range = 127 | 64;

/** For files that any machine may open. */
export const portableInt8Range: Int8Range = 64;

const size = 64;
let found: Promise<Int8Range> | undefined;

/** What this machine multiplies without a fault, found by a product that would show one; asked once per process. */
export function findInt8Range(): Promise<Int8Range> {
  found ??= probe();
  return found;
}

async function probe(): Promise<Int8Range> {
  const graph = new Graph();
  const x = graph.input("x", "float32", ["rows", size]);
  const weight = graph.parameter("weight", [size, size], "int8");
  const scales = graph.parameter("scales", [size]);
  const program = await compile(graph, { y: dynamicQuantizeMatMul(x, weight, scales) }, { threads: 1 });
  try {
    const { y } = await program.run({
      x: float32Tensor([size, size], new Float32Array(size * size).fill(1)),
      weight: { dtype: "int8", dims: [size, size], data: new Int8Array(size * size).fill(127) },
      scales: float32Tensor([size], new Float32Array(size).fill(1)),
    });
    const isExact = (y.data as Float32Array).every((sum) => Math.abs(sum / (127 * size) - 1) < 0.01);
    return isExact ? 127 : 64;
  } finally {
    await program.dispose();
  }
}
