/** @file Adding nodes and tensors to an ONNX graph, each tensor once. */

import { create } from "@bufbuild/protobuf";
import {
  type TensorProto_DataType as DataType,
  type NodeProto,
  type TensorProto,
  TensorProtoSchema,
} from "../graph/onnx/generated/onnx_pb.js";
import { type AttributeInput, makeNode, makeTensor } from "../graph/onnx/proto.js";

/** Adds nodes and tensors to the graph that is being rewritten. */
export interface GraphEditor {
  /** Adds a node of one output, which has the given name or a new one; returns the name. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeInput>>,
    options?: { readonly output?: string; readonly domain?: string },
  ): string;
  /** Adds a tensor, unless it is there; returns its name. */
  tensor(name: string, dataType: DataType, dims: readonly number[], bytes: Uint8Array): string;
  int64(...values: readonly number[]): string;
  float32(value: number): string;
  /** What `make` returned when it was first called for `key`. */
  once(key: string, make: () => string): string;
}

/** @param prefix - begins the names that are made. */
export function makeGraphEditor(nodes: NodeProto[], initializers: TensorProto[], prefix: string): GraphEditor {
  const made = new Map<string, string>();
  const once = (key: string, make: () => string): string => {
    const name = made.get(key) ?? make();
    made.set(key, name);
    return name;
  };
  const tensor: GraphEditor["tensor"] = (name, dataType, dims, rawData) =>
    once(name, () => {
      initializers.push(create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt), rawData }));
      return name;
    });
  const constant = (dtype: "int64" | "float32", values: readonly number[], dims: readonly number[]) =>
    once(`${prefix}/${dtype}_${values.join("_")}`, () => {
      const data = dtype === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
      const name = `${prefix}/${dtype}_${values.join("_")}`;
      initializers.push(makeTensor(name, dtype, dims, data));
      return name;
    });
  return {
    once,
    tensor,
    node(opType, inputs, attributes = {}, { output, domain = "" } = {}) {
      const name = output ?? `${prefix}/${opType}_${nodes.length}`;
      nodes.push(makeNode(opType, name, inputs, [name], attributes, domain));
      return name;
    },
    int64: (...values) => constant("int64", values, [values.length]),
    float32: (value) => constant("float32", [value], []),
  };
}
