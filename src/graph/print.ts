/** @file A graph as text, one node per line. */

import { printShape } from "./dims.js";
import type { Graph, Node, Value } from "./graph.js";
import { requiredNodes } from "./walk.js";

/**
 * The nodes that `outputs` need (all nodes when left out), one per line:
 *
 *     layers.0/mlp/MatMul: float32 [batch*tokens, 64] = MatMul(layers.0/mlp/Mul, layers.0.up) transposeB
 */
export function printGraph(graph: Graph, outputs?: readonly Value[]): string {
  const nodes = outputs ? requiredNodes(graph, outputs) : graph.nodes;
  const inputs = graph.inputs.map((input) => `${input.kind} ${printValue(input)}`);
  return [...inputs, ...nodes.flatMap((node) => printNode(node))].join("\n");
}

function printValue({ name, dtype, shape }: Value): string {
  return `${name}: ${dtype} ${printShape(shape)}`;
}

function printNode(node: Node): readonly string[] {
  const operands = node.inputs.map(({ name }) => name).join(", ");
  const line = `${node.outputs.map(printValue).join(", ")} = ${node.op}(${operands})`;
  if (node.op !== "Loop") return [`${line}${printAttributes(node)}`];
  const { body, bodyOutputs, carriedCount } = node.attributes;
  const names = bodyOutputs.map(({ name }) => name);
  const results = [
    `carry ${names.slice(0, carriedCount).join(", ") || "nothing"}`,
    `scan ${names.slice(carriedCount).join(", ") || "nothing"}`,
  ];
  return [line, ...[...printGraph(body, bodyOutputs).split("\n"), ...results].map((inner) => `  ${inner}`)];
}

function printAttributes(node: Node): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(node.attributes)) {
    if (value === true) parts.push(name);
    else if (typeof value === "number" || typeof value === "string") parts.push(`${name}=${value}`);
    else if (Array.isArray(value) && value.every((item) => typeof item === "number")) {
      parts.push(`${name}=[${value.join(",")}]`);
    }
  }
  return parts.length > 0 ? ` ${parts.join(" ")}` : "";
}
