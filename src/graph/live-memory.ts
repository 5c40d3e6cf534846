/** @file How much memory the values of a graph need at once, told from the graph alone: nothing is compiled or run. */

import { internalError } from "../errors.js";
import { factorOf, type Shape, symbolsOf } from "./dims.js";
import { bytesPerElement, type DType } from "./dtype.js";
import type { Graph, Node, Value } from "./graph.js";
import type { OpName } from "./op-table.js";
import { dependencies, requiredNodes } from "./walk.js";

/** What the symbols in shapes stand for: `{ sequences: 4, tokens: 256 }`. */
export type SymbolSizes = Readonly<Record<string, number>>;

/** Ops whose output is their first input under another name or shape. */
const aliases: ReadonlySet<OpName> = new Set(["Identity", "StopGradient", "CustomGradient", "Reshape"]);

/** Ops that the engine lets write over an input of the same size that nothing else needs, as measured; none with two operands. */
const inPlace: ReadonlySet<OpName> = new Set([
  ...(["Sigmoid", "Tanh", "Relu", "Softplus", "Softmax", "LogSoftmax"] as const),
  ...(["ScatterRowsAdd", "ScatterElementsAdd"] as const),
]);

/**
 * The most bytes that computed values hold at one time when `outputs` are computed, the outputs included; inputs, weights and
 * constants are not counted. Nodes are taken in the engine's order, and a value is freed after its last use.
 *
 * @param sizes - the value of every symbol that occurs in a shape.
 */
export function peakLiveBytes(graph: Graph, outputs: readonly Value[], sizes: SymbolSizes): number {
  const order = executionOrder(requiredNodes(graph, outputs));
  const owner = new Map<Value, Value>();
  const ownerOf = (value: Value): Value => owner.get(value) ?? value;
  const usesLeft = new Map<Value, number>();
  const use = (value: Value, count: number): number => {
    const left = (usesLeft.get(value) ?? 0) + count;
    usesLeft.set(value, left);
    return left;
  };
  for (const node of order) if (aliases.has(node.op)) owner.set(node.outputs[0]!, ownerOf(node.inputs[0]!));
  for (const node of order) if (!aliases.has(node.op)) for (const value of reads(node, ownerOf)) use(value, 1);
  for (const value of outputs) use(ownerOf(value), 1);

  let [live, peak] = [0, 0];
  const isHere = (value: Value) => value.producer !== undefined && value.graph === graph;
  for (const node of order) {
    if (aliases.has(node.op)) continue;
    const inputs = reads(node, ownerOf);
    const dying = [...inputs].filter((value) => use(value, -1) === 0 && isHere(value));
    const own = node.outputs.filter((value) => usesLeft.has(value)).map((value) => bytesOf(value, sizes));
    const inside = node.op === "Loop" ? bytesInLoop(node, sizes) : 0;
    const reused = inPlace.has(node.op) ? dying.find((value) => bytesOf(value, sizes) === own[0]) : undefined;
    const added = own.reduce((sum, bytes) => sum + bytes, 0) - (reused ? own[0]! : 0);
    peak = Math.max(peak, live + added + inside);
    live += added;
    for (const value of dying) if (value !== reused) live -= bytesOf(value, sizes);
  }
  return peak;
}

/** One iteration: what its body computes, beside the carried values that came in. */
function bytesInLoop(node: Extract<Node, { op: "Loop" }>, sizes: SymbolSizes): number {
  const { body, bodyInputs, bodyOutputs } = node.attributes;
  const carried = bodyInputs.reduce((sum, value) => sum + bytesOf(value, sizes), 0);
  return carried + peakLiveBytes(body, bodyOutputs, sizes);
}

/** The buffers that a node reads, each once. */
function reads(node: Node, ownerOf: (value: Value) => Value): ReadonlySet<Value> {
  return new Set(dependencies(node).map(ownerOf));
}

/** Depth first from the last node that nothing else needs, as the engine orders a graph: see docs/decisions. */
function executionOrder(nodes: readonly Node[]): readonly Node[] {
  const place = new Map(nodes.map((node, index) => [node, index]));
  const sources = (node: Node): readonly Node[] =>
    [
      ...new Set(dependencies(node).flatMap(({ producer }) => (producer && place.has(producer) ? [producer] : []))),
    ].sort((a, b) => place.get(a)! - place.get(b)!);
  const needed = new Set(nodes.flatMap(sources));
  const order: Node[] = [];
  const entered = new Set<Node>();
  const stack = nodes.filter((node) => !needed.has(node)).map((node) => ({ node, isDone: false }));
  for (let top = stack.pop(); top; top = stack.pop()) {
    if (top.isDone) {
      order.push(top.node);
      continue;
    }
    if (entered.has(top.node)) continue;
    entered.add(top.node);
    stack.push({ node: top.node, isDone: true });
    for (const node of sources(top.node)) if (!entered.has(node)) stack.push({ node, isDone: false });
  }
  return order;
}

function bytesOf({ dtype, shape, name }: { dtype: DType; shape: Shape; name: string }, sizes: SymbolSizes): number {
  const count = shape.reduce<number>((product, dim) => {
    const symbols = symbolsOf(dim).map((symbol) => sizes[symbol] ?? unknown(symbol, name));
    return product * symbols.reduce((a, b) => a * b, factorOf(dim));
  }, 1);
  return count * bytesPerElement(dtype);
}

function unknown(symbol: string, name: string): never {
  throw internalError(`the size of "${symbol}" in the shape of "${name}" must be given`);
}
