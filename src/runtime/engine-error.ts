/** @file Errors of the engine in terms of the graph: which node, built in which scope, of which shapes. */

import { LimbeckError } from "../errors.js";
import { printShape } from "../graph/dims.js";
import type { Graph, Node } from "../graph/graph.js";
import type { SymbolSizes } from "./feeds.js";

/** @param sizes - what the run's inputs bound the symbols in shapes to. */
export function engineError(
  cause: unknown,
  graph: Graph,
  activity: "compiling" | "running",
  sizes: SymbolSizes = new Map(),
): LimbeckError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const node = findNode(graph, message);
  const where = node ? ` at ${describe(node, sizes)}` : "";
  return new LimbeckError("ENGINE", `runtime: the engine failed while ${activity} the graph${where}: ${message}`, {
    cause,
    details: node ? { node: node.name, scope: node.scope, op: node.op, sizes: Object.fromEntries(sizes) } : {},
  });
}

/** The node that a message quotes last, which is the innermost: a loop quotes the node of its body. */
function findNode(graph: Graph, message: string): Node | undefined {
  const quoted = [...message.matchAll(/name:? ?'([^']+)'/gi)].at(-1)?.[1];
  // A node may be lowered to several, which are named below it.
  return quoted === undefined
    ? undefined
    : allNodes(graph).find(({ name }) => quoted === name || quoted.startsWith(`${name}/`));
}

/** Every node, those of loop bodies before their loop. */
function allNodes(graph: Graph): readonly Node[] {
  return graph.nodes.flatMap((node) => (node.op === "Loop" ? [...allNodes(node.attributes.body), node] : [node]));
}

function describe({ name, scope, op, inputs }: Node, sizes: SymbolSizes): string {
  const operands = inputs.map((value) => `"${value.name}" ${value.dtype} ${printShape(value.shape)}`).join(", ");
  const bound = [...sizes].map(([symbol, size]) => `${symbol}=${size}`).join(", ");
  const inScope = scope === "" ? "" : ` in scope "${scope}"`;
  return `node "${name}"${inScope} (${op} of ${operands}${bound === "" ? "" : `; ${bound}`})`;
}
