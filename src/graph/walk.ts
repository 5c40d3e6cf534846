/** @file Which nodes a set of outputs needs, in order, seen through the bodies of loops. */

import type { Graph, Node, Value } from "./graph.js";

/** Everything that a node reads: its inputs, and for a loop what its body takes from the graphs around it. */
export function dependencies(node: Node): readonly Value[] {
  if (node.op !== "Loop") return node.inputs;
  const { body, bodyOutputs } = node.attributes;
  return [...node.inputs, ...captures(body, bodyOutputs)];
}

/** Values of outer graphs that the outputs of a body depend on. */
export function captures(body: Graph, outputs: readonly Value[]): readonly Value[] {
  const captured = new Set<Value>();
  for (const node of requiredNodes(body, outputs)) {
    for (const value of dependencies(node)) if (value.graph !== body) captured.add(value);
  }
  for (const value of outputs) if (value.graph !== body) captured.add(value);
  return [...captured];
}

/** The nodes of `graph` that `outputs` depend on, in the order they were built. */
export function requiredNodes(graph: Graph, outputs: readonly Value[]): readonly Node[] {
  const required = new Set<Node>();
  const pending = outputs.flatMap(({ producer }) => (producer ? [producer] : []));
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (required.has(node)) continue;
    required.add(node);
    for (const { producer } of dependencies(node)) if (producer) pending.push(producer);
  }
  return graph.nodes.filter((node) => required.has(node));
}

/**
 * The nodes that `outputs` depend on and that were built since `graph` was begun, in order: its own, and for a loop's body
 * also those that use values of the graphs around it only, which is where they were put.
 */
export function nodesBuiltIn(graph: Graph, outputs: readonly Value[]): readonly Node[] {
  const nodes = [...requiredNodes(graph, outputs)];
  for (const [outer, count] of graph.outerNodeCounts) {
    const recent = new Set(outer.nodes.slice(count));
    nodes.unshift(...requiredNodes(outer, outputs).filter((node) => recent.has(node)));
  }
  return nodes;
}

/** The values without a producer (inputs, parameters, constants) of `graph` that `outputs` depend on. */
export function requiredSources(graph: Graph, outputs: readonly Value[]): ReadonlySet<Value> {
  const sources = new Set<Value>();
  const visit = (value: Value) => {
    if (value.graph === graph && !value.producer) sources.add(value);
  };
  outputs.forEach(visit);
  for (const node of requiredNodes(graph, outputs)) dependencies(node).forEach(visit);
  return sources;
}
