/** @file What every op function shares: operands that may be numbers, the graph a node belongs to, and failing with names. */

import { ShapeError } from "../../errors.js";
import { broadcastShapes, printShape, type Shape } from "../dims.js";
import { type DType, isFloat } from "../dtype.js";
import type { Graph, Value, ValueType } from "../graph.js";
import type { OpAttributes, OpName } from "../op-table.js";

/** A value, or a number that becomes a constant of the other operand's dtype. */
export type Operand = Value | number;

/** The innermost graph among the operands: a loop's body may use values of the graph around it. */
export function ownerOf(values: readonly Value[]): Graph {
  let owner = values[0]!.graph;
  for (const { graph } of values) {
    for (let outer = graph.parent; outer; outer = outer.parent) if (outer === owner) owner = graph;
  }
  return owner;
}

/** Appends a node of one output. */
export function emit<K extends OpName>(
  op: K,
  inputs: readonly Value[],
  attributes: OpAttributes[K],
  type: ValueType,
): Value {
  return ownerOf(inputs).append(op, inputs, attributes, [type])[0]!;
}

function describe(value: Value): string {
  return `"${value.name}" ${value.dtype} ${printShape(value.shape)}`;
}

/** An error that names the op, the scope it was built in, and every operand with its own scope. */
export function fail(op: string, operands: readonly Value[], expectation: string): never {
  const scope = ownerOf(operands).scope;
  throw new ShapeError(
    `${op}${scope === "" ? "" : ` in "${scope}"`}: ${expectation}, got ${operands.map(describe).join(" and ")}.`,
    { details: { op, scope, operands: operands.map(({ name, dtype, shape }) => ({ name, dtype, shape })) } },
  );
}

/** The operands as values of one dtype. */
export function resolve(op: string, ...operands: readonly Operand[]): readonly Value[] {
  const values = operands.filter((operand): operand is Value => typeof operand !== "number");
  const first = values[0];
  if (!first) throw new ShapeError(`${op}: at least one operand must be a value of a graph, got numbers only.`);
  if (values.some(({ dtype }) => dtype !== first.dtype)) fail(op, values, "operands must have one dtype");
  const graph = ownerOf(values);
  return operands.map((operand) => (typeof operand === "number" ? graph.number(first.dtype, operand) : operand));
}

/** The broadcast shape of all operands. */
export function broadcast(op: string, values: readonly Value[]): Shape {
  let shape: Shape = [];
  for (const value of values) {
    shape = broadcastShapes(shape, value.shape) ?? fail(op, values, "shapes must be equal or broadcast");
  }
  return shape;
}

export function expectFloat(op: string, value: Value): void {
  if (!isFloat(value.dtype)) fail(op, [value], "the operand must be float32 or float64");
}

export function expectDType(op: string, value: Value, ...dtypes: readonly DType[]): void {
  if (!dtypes.includes(value.dtype)) fail(op, [value], `the operand must be ${dtypes.join(" or ")}`);
}

export function expectRank(op: string, value: Value, rank: number): void {
  if (value.shape.length !== rank) fail(op, [value], `the operand must have ${rank} axes`);
}
