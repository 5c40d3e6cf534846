/** @file Readers of ONNX ops that compute or need sizes: what operands hold is followed, so that shapes stay symbolic. */

import { broadcastShapes, type Dim, divideDims, elementCount, multiplyDims, resolveAxis } from "../dims.js";
import type { DType } from "../dtype.js";
import type { Constant, Value } from "../graph.js";
import * as g from "../ops/index.js";
import type { NodeReader } from "./node-reader.js";

/** From a node to its outputs, in order. */
export type Raise = (node: NodeReader) => Value | readonly Value[];

/** Short tensors of whole numbers, which may be sizes or axes. */
export function wholeNumbers(dtype: DType, data: ArrayLike<number | bigint>): readonly number[] | undefined {
  return (dtype === "int64" || dtype === "int32") && data.length <= 64 ? Array.from(data, Number) : undefined;
}

/** Records what a whole-number result holds, where it follows from operands that are known. */
export function withContents(node: NodeReader, value: Value, contents: readonly Dim[] | undefined): Value {
  if (contents) node.context.contents.set(value, contents);
  return value;
}

export function contentsOf(node: NodeReader, index: number): readonly Dim[] | undefined {
  const input = node.inputs[index];
  return input && node.context.contents.get(input);
}

export const mul: Raise = (node) => {
  const [left, right] = [contentsOf(node, 0), contentsOf(node, 1)];
  const product =
    left && right && (left.length === right.length || right.length === 1)
      ? left.map((dim, i) => multiplyDims(dim, right[right.length === 1 ? 0 : i]!))
      : undefined;
  return withContents(node, g.mul(node.input(0), node.input(1)), product);
};

export const concat: Raise = (node) => {
  const values = node.inputs.map((_, i) => node.input(i));
  const contents = values.map((_, i) => contentsOf(node, i));
  const joined = contents.every((part) => part !== undefined) ? contents.flat() : undefined;
  return withContents(node, g.concat(values, node.int("axis", 0)), joined);
};

export const shape: Raise = (node) => {
  const { graph } = node.context;
  const x = node.input(0);
  const rank = x.shape.length;
  const bound = (index: number) => Math.min(Math.max(index < 0 ? index + rank : index, 0), rank);
  const start = bound(node.int("start", 0));
  const dims = x.shape.slice(start, bound(node.int("end", rank)));
  const sizes = dims.map((dim, i) =>
    typeof dim === "number"
      ? graph.constant("int64", [1], BigInt64Array.of(BigInt(dim)), "size")
      : g.dimSize(x, start + i),
  );
  const empty = () => graph.constant("int64", [0], new BigInt64Array(), "size");
  return withContents(node, sizes.length === 0 ? empty() : g.concat(sizes, 0), dims);
};

export const reshape: Raise = (node) => {
  const x = node.input(0);
  const copiesZeros = !node.flag("allowzero");
  const target = node.dims(1).map((dim, axis) => (dim === 0 && copiesZeros ? (x.shape[axis] ?? dim) : dim));
  const known = multiplyDims(...target.filter((dim) => dim !== -1));
  const sizes = target.map((dim) =>
    dim === -1
      ? (divideDims(elementCount(x.shape), known) ?? node.unsupported("the size of axis −1 does not follow"))
      : dim,
  );
  return withContents(node, g.reshape(x, sizes), contentsOf(node, 0));
};

export const unsqueeze: Raise = (node) => {
  const x = node.input(0);
  const axes = node.numbers(1) ?? [];
  const rank = x.shape.length + axes.length;
  const added = new Set(axes.map((axis) => resolveAxis("Unsqueeze", axis, rank)));
  const rest = [...x.shape];
  const sizes = Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!));
  return withContents(node, g.reshape(x, sizes), contentsOf(node, 0));
};

export const expand: Raise = (node) => {
  const x = node.input(0);
  const target = broadcastShapes(x.shape, node.dims(1));
  return g.expand(x, target ?? node.unsupported("the shapes do not broadcast"));
};

export const slice: Raise = (node) => {
  const [starts, ends, given, steps] = [1, 2, 3, 4].map((index) => node.numbers(index));
  node.require(starts !== undefined && ends !== undefined, "starts and ends are missing");
  node.require(steps?.every((step) => step === 1) ?? true, "steps must be 1");
  const axes = given ?? starts!.map((_, axis) => axis);
  return axes.reduce((x, axis, i) => {
    const size = x.shape[resolveAxis("Slice", axis, x.shape.length)]!;
    const [start, end] = [starts![i]!, ends![i]!];
    if (typeof size !== "number") {
      node.require(start === 0 && end >= 2 ** 31 - 1, `axis ${axis} must have a known size`);
      return x;
    }
    const bound = (index: number) => Math.min(Math.max(index < 0 ? index + size : index, 0), size);
    return g.slice(x, { axis, start: bound(start), end: bound(end) });
  }, node.input(0));
};

export const split: Raise = (node) => {
  const x = node.input(0);
  const axis = node.int("axis", 0);
  const size = x.shape[resolveAxis("Split", axis, x.shape.length)]!;
  if (node.inputs[1]) return g.split(x, axis, node.dims(1));
  node.require(typeof size === "number", `axis ${axis} must have a known size`);
  const count = node.int("num_outputs", node.outputCount);
  const each = Math.ceil(Number(size) / count);
  const sizes = Array.from({ length: count }, (_, i) => Math.min(each, Number(size) - i * each));
  return g.split(x, axis, sizes);
};

export const pad: Raise = (node) => {
  node.require(node.text("mode", "constant") === "constant", "the mode must be constant");
  const fill = node.inputs[2];
  node.require(!fill || ("data" in fill && Number((fill as Constant).data[0]) === 0), "the value must be 0");
  const pads = node.numbers(1) ?? [];
  const axes = node.numbers(3) ?? node.input(0).shape.map((_, axis) => axis);
  return axes.reduce(
    (x, axis, i) =>
      pads[i] || pads[i + axes.length] ? g.pad(x, { axis, before: pads[i]!, after: pads[i + axes.length]! }) : x,
    node.input(0),
  );
};

export const gather: Raise = (node) => {
  const axis = node.int("axis", 0);
  const [known, at] = [contentsOf(node, 0), contentsOf(node, 1)];
  const picked = known && at?.map((index) => (typeof index === "number" ? known.at(index) : undefined));
  const value = g.gather(node.input(0), node.input(1), { axis });
  return withContents(node, value, picked?.every((dim) => dim !== undefined) ? picked : undefined);
};
