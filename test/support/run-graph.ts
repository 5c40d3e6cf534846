/** @file Compiles, runs once and disposes. */

import type { Graph, Value } from "../../src/graph/graph.js";
import { type CompileOptions, compile, type Feeds } from "../../src/runtime/executor.js";
import type { HostTensor } from "../../src/runtime/tensor.js";

/** The outputs of one run, in order. */
export async function runGraph(
  graph: Graph,
  outputs: readonly Value[],
  feeds: Feeds = {},
  options: CompileOptions = {},
): Promise<readonly HostTensor[]> {
  const program = await compile(graph, Object.fromEntries(outputs.entries()), { threads: 1, ...options });
  try {
    const results = await program.run(feeds);
    return outputs.map((_, i) => results[i]!);
  } finally {
    await program.dispose();
  }
}

/** The elements of a tensor as plain numbers. */
export function numbersOf(tensor: HostTensor | undefined): readonly number[] {
  return Array.from((tensor?.data ?? []) as ArrayLike<number | bigint>, Number);
}
