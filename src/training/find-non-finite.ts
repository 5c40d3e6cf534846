/** @file Names the first value of a forward pass that is not finite, by running the pass once more with every value watched. */

import { Graph, type Node, type Value } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import { takeChunk } from "../losses/chunked-head.js";
import { objectiveRows } from "../losses/objective.js";
import type { Objective } from "../losses/options.js";
import type { ModelDefinition } from "../models/model-graph.js";
import { compile, type Feeds } from "../runtime/executor.js";
import type { HostTensor } from "../runtime/tensor.js";
import { placeRows, type TrainingGraphOptions } from "./training-graph.js";

/**
 * The name of the first weight, teacher signal or computed value that is NaN or infinite; undefined where all are finite,
 * and only their sum or their gradient is not.
 *
 * @param feeds - of the micro-batch that went wrong.
 */
export async function findNonFinite(
  student: ModelDefinition,
  objective: Objective,
  options: TrainingGraphOptions,
  feeds: Feeds,
): Promise<string | undefined> {
  const fed = Object.entries(feeds).find(
    ([, { data }]) => data instanceof Float32Array && !data.every(Number.isFinite),
  );
  if (fed) return fed[0];
  const graph = new Graph();
  const { inputs } = placeRows(graph, student, objective, options);
  const body = floats(graph.nodes);
  let head: readonly Value[] = [];
  const { scanned } = g.loop(g.dimScalar(inputs.hidden, 0), inputs.hidden.shape[0]!, [], (chunkGraph, iteration) => {
    const chunk = takeChunk(inputs, iteration);
    objectiveRows(objective, { ...chunk, studentLogits: chunk.logits });
    head = floats(chunkGraph.nodes);
    return { carried: [], scanned: head.map(watch) };
  });
  const watched = [...body.map(watch), ...scanned];
  const program = await compile(graph, Object.fromEntries(watched.map((value, i) => [`watch_${i}`, value])), options);
  try {
    const outputs: Record<string, HostTensor> = await program.run(feeds);
    const isBad = (_: Value, i: number) => (outputs[`watch_${i}`]!.data as Float32Array).some(Number.isNaN);
    return [...body, ...head].find(isBad)?.name;
  } finally {
    await program.dispose();
  }
}

function floats(nodes: readonly Node[]): readonly Value[] {
  return nodes.flatMap(({ outputs }) => outputs).filter(({ dtype }) => dtype === "float32");
}

/** 0 where every element is finite, else NaN: so are ∞ · 0 and NaN · 0. */
function watch(value: Value): Value {
  return g.reduceSum(g.mul(value, 0));
}
