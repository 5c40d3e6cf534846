/** @file Reverse-mode differentiation: appends to a graph the nodes that compute gradients. */

import { internalError, ShapeError, UnsupportedError } from "../errors.js";
import { printShape, sameShape } from "../graph/dims.js";
import { isFloat } from "../graph/dtype.js";
import type { Constant, Graph, Node, Value } from "../graph/graph.js";
import type { NodeOf, OpName } from "../graph/op-table.js";
import { ownerOf } from "../graph/ops/emit.js";
import { add, scatterRowsAdd, zeros } from "../graph/ops/index.js";
import { dependencies, nodesBuiltIn } from "../graph/walk.js";
import type { GradientRule, LazyGradient } from "./rule.js";
import { gradientRules } from "./rules/index.js";

/**
 * The gradient of a scalar with respect to each of `wrt`, in their shapes; zeros where the loss does not depend on one.
 *
 * Only nodes on a path from `wrt` to the loss are visited.
 *
 * @param loss - scalar `[]`.
 * @throws UnsupportedError `NO_GRADIENT_RULE` with the node and the path, where an op on the way has no rule.
 * @see Baydin et al. 2018, "Automatic Differentiation in Machine Learning: a Survey", §3.2 (arXiv:1502.05767).
 */
export function gradients(loss: Value, wrt: readonly Value[]): Value[] {
  if (loss.shape.length > 0 || !isFloat(loss.dtype)) {
    throw new ShapeError(
      `gradients: the loss must be a float scalar [], got ${loss.dtype} ${printShape(loss.shape)}.`,
      {
        hint: "Reduce it first, or use pullback() with a cotangent.",
      },
    );
  }
  return pullback([{ output: loss, cotangent: loss.graph.number(loss.dtype, 1) }], wrt);
}

/** An output and the gradient that flows into it, of its shape. */
export interface Seed {
  readonly output: Value;
  readonly cotangent: Value;
}

/**
 * The vector-Jacobian product: gradients of Σ ⟨cotangent, output⟩ with respect to each of `wrt`.
 *
 * Inside a loop's body only what was built in the body is differentiated: what it takes from the graph around it counts
 * as given, and gets a gradient when it is one of `wrt` itself.
 *
 * @param wrt - weights in the order of the model: their gradients are emitted in this order, after everything else. The
 *   engine schedules from the end of the list, so emitted in place they would keep every activation alive until the end.
 */
export function pullback(seeds: readonly Seed[], wrt: readonly Value[]): Value[] {
  return lazyPullback(seeds, wrt).map((emit) => emit());
}

/** {@link pullback} whose gradients of leaves (weights) are emitted when each is asked for. */
export function lazyPullback(seeds: readonly Seed[], wrt: readonly Value[]): LazyGradient[] {
  for (const { output, cotangent } of seeds) {
    if (sameShape(output.shape, cotangent.shape) && output.dtype === cotangent.dtype) continue;
    throw new ShapeError(
      `pullback: the cotangent of "${output.name}" must be ${output.dtype} ${printShape(output.shape)}, ` +
        `got ${cotangent.dtype} ${printShape(cotangent.shape)}.`,
    );
  }
  const outputs = seeds.map(({ output }) => output);
  const graph = ownerOf(outputs);
  const nodes = nodesBuiltIn(graph, outputs);
  const active = dependents(nodes, wrt);
  const accumulator = new Map<Value, Value[]>();
  const contribute = (value: Value, gradient: Value) => {
    if (!sameShape(value.shape, gradient.shape)) {
      throw internalError(
        `the gradient of "${value.name}" must be ${printShape(value.shape)}, got ${printShape(gradient.shape)}`,
      );
    }
    const parts = accumulator.get(value);
    if (parts) parts.push(gradient);
    else accumulator.set(value, [gradient]);
  };
  const total = (value: Value): Value | undefined => {
    const parts = accumulator.get(value);
    if (!parts) return undefined;
    const sum = graph.within("gradient", () => parts.reduce(addGradients));
    accumulator.set(value, [sum]);
    return sum;
  };
  for (const { output, cotangent } of seeds) contribute(output, cotangent);

  const deferred = new Map<Value, { readonly node: Node; readonly emit: LazyGradient }[]>();
  for (const node of nodes.toReversed()) {
    if (gradientRules[node.op] === "stops" || !node.outputs.some((output) => active.has(output))) continue;
    const cotangents = node.outputs.map(total);
    if (cotangents.every((cotangent) => cotangent === undefined)) continue;
    const rule = ruleFor(node, outputs, active);
    inScope(graph, node, () => {
      for (const [i, emit] of rule(node as NodeOf<OpName>, cotangents).entries()) {
        const value = node.inputs[i]!;
        if (!emit || !active.has(value)) continue;
        if (value.producer) contribute(value, emit());
        else deferred.set(value, [{ node, emit }, ...(deferred.get(value) ?? [])]);
      }
    });
  }
  return wrt.map((value) => () => {
    for (const { node, emit } of deferred.get(value) ?? []) inScope(graph, node, () => contribute(value, emit()));
    deferred.delete(value);
    return total(value) ?? zeros(value, value.shape);
  });
}

/**
 * The sum of two gradients. Rows that were scattered onto zeros are scattered onto the other gradient instead: for a tied
 * embedding table this saves two tables of its size.
 */
function addGradients(left: Value, right: Value): Value {
  for (const [other, scattered] of [
    [left, right],
    [right, left],
  ] as const) {
    const node = scattered.producer;
    if (node?.op !== "ScatterRowsAdd") continue;
    const [base, ids, updates] = node.inputs as [Value, Value, Value];
    if (isZeros(base)) return scatterRowsAdd(other, ids, updates);
  }
  return add(left, right);
}

function isZeros({ producer }: Value): boolean {
  const source = producer?.op === "Expand" ? producer.inputs[0] : undefined;
  return source !== undefined && "data" in source && Number((source as Constant).data[0]) === 0;
}

function inScope(graph: Graph, node: Node, build: () => void): void {
  graph.within(node.scope === "" ? "gradient" : `gradient/${node.scope}`, build);
}

/** `wrt` and every float value that depends on it through ops whose derivative is not zero. */
function dependents(nodes: readonly Node[], wrt: readonly Value[]): ReadonlySet<Value> {
  const active = new Set<Value>(wrt);
  for (const node of nodes) {
    if (gradientRules[node.op] === "stops") continue;
    const sources = node.op === "CustomGradient" ? node.inputs.slice(1) : dependencies(node);
    if (!sources.some((source) => active.has(source))) continue;
    for (const output of node.outputs) if (isFloat(output.dtype)) active.add(output);
  }
  return active;
}

function ruleFor(node: Node, outputs: readonly Value[], active: ReadonlySet<Value>): GradientRule<OpName> {
  const rule = gradientRules[node.op] as GradientRule<OpName> | { readonly missing: string };
  if (typeof rule === "function") return rule;
  const source = sourceOf(node, active);
  throw new UnsupportedError(
    `autodiff: no gradient rule for "${node.op}" (${rule.missing}), needed by node "${node.name}" ` +
      `on the path from "${outputs[0]!.name}" to "${source.name}".`,
    { hint: "Put stopGradient() around it, or give the composite its own rule with customGradient()." },
  );
}

/** One of the values that the gradient was asked for, found by walking back from a node. */
function sourceOf(node: Node, active: ReadonlySet<Value>): Value {
  const source = dependencies(node).find((value) => active.has(value))!;
  const next = source.producer && dependencies(source.producer).some((value) => active.has(value));
  return next ? sourceOf(source.producer, active) : source;
}
