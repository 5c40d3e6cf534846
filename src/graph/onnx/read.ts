/** @file From an ONNX file to a graph: files that limbeck wrote, and others that use only ops that it has. */

import { readFile } from "node:fs/promises";
import path from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelError, ShapeError, show, UnsupportedError } from "../../errors.js";
import type { Dim } from "../dims.js";
import { isFloat, type TensorData } from "../dtype.js";
import { Graph, type Input, type Value } from "../graph.js";
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
} from "./generated/onnx_pb.js";
import { NodeReader, type ReadingContext } from "./node-reader.js";
import { raisers } from "./raise.js";
import { wholeNumbers } from "./raise-layout.js";
import { loadExternalData, readDType, readTensor } from "./read-tensor.js";

/** A graph read from a file. */
export interface OnnxGraph {
  readonly graph: Graph;
  /** What must be fed at every run, without the weights. */
  readonly inputs: readonly Input[];
  /** By the names that they have in the file. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** Stored float tensors of one axis or more, which are parameters of the graph, by name. */
  readonly weights: Readonly<Record<string, TensorData>>;
}

const opsets = { oldest: 13, newest: 21 };

/**
 * Reads a model. What `toOnnx` writes for either target comes back as a graph that computes the same; composites such
 * as rmsNorm come back as one op from the engine's form, and as the ops that they consist of from the standard form.
 *
 * @param source - the path of a file, or the bytes of one without external data.
 * @throws UnsupportedError names the node, its op and domain, where limbeck has nothing like it.
 * @throws ModelError where the file is damaged or its external data is missing.
 */
export async function readOnnx(source: string | Uint8Array): Promise<OnnxGraph> {
  const isPath = typeof source === "string";
  const model = decode(isPath ? await readFile(source) : source, isPath ? show(source) : "the bytes given");
  const proto = model.graph;
  if (!proto) throw new ModelError("onnx: the model must have a graph, got none.");
  for (const { domain, version } of model.opsetImport) {
    if (domain !== "" && domain !== "ai.onnx") continue;
    if (version >= opsets.oldest && version <= opsets.newest) continue;
    throw new UnsupportedError(`onnx: the opset must be from ${opsets.oldest} to ${opsets.newest}, got ${version}.`);
  }
  await loadExternalData(proto, isPath ? path.dirname(source) : undefined);

  const graph = new Graph();
  const weights: Record<string, TensorData> = {};
  const stored = new Set(proto.initializer.map(({ name }) => name));
  const inputs = proto.input.filter(({ name }) => !stored.has(name)).map((info) => addInput(graph, info));
  const reader = new GraphReader(graph, undefined);
  for (const input of inputs) reader.values.set(input.name, input);
  for (const tensor of proto.initializer) {
    const { dtype, dims, data } = readTensor(tensor);
    if (!isFloat(dtype) || dims.length === 0) continue;
    weights[tensor.name] = data;
    reader.values.set(tensor.name, graph.parameter(tensor.name, dims, dtype));
  }
  const outputs = reader.read(proto);
  return {
    graph,
    inputs,
    outputs: Object.fromEntries(proto.output.map(({ name }, i) => [name, outputs[i]!])),
    weights,
  };
}

function decode(bytes: Uint8Array, what: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new ModelError(`onnx: expected an ONNX model, got ${what}, which cannot be decoded.`, { cause });
  }
}

/** A graph input; sizes that the file leaves open become symbols of their own. */
function addInput(graph: Graph, { name, type }: ValueInfoProto): Input {
  if (type?.value.case !== "tensorType") throw new UnsupportedError(`onnx: input "${name}" must be a tensor.`);
  const { elemType, shape } = type.value.value;
  if (!shape) throw new UnsupportedError(`onnx: input "${name}" must have a known number of axes.`);
  const dims = shape.dim.map(({ value }, axis): Dim => {
    if (value.case === "dimValue") return Number(value.value);
    return value.value ? value.value : `${name}.${axis}`;
  });
  return graph.input(name, readDType(elemType, `input "${name}"`), dims);
}

/** Reads one graph, or the body of a loop, whose nodes may use values of the graph around it. */
class GraphReader implements ReadingContext {
  readonly values = new Map<string, Value>();
  readonly contents: WeakMap<Value, readonly Dim[]>;

  constructor(
    readonly graph: Graph,
    readonly outer: GraphReader | undefined,
    /** What node names begin with already, because the graph stands in a scope. */
    readonly prefix = "",
  ) {
    this.contents = outer?.contents ?? new WeakMap();
  }

  /** Adds the constants and nodes that the proto has; returns its outputs. */
  read(proto: GraphProto): readonly Value[] {
    for (const tensor of proto.initializer) {
      if (this.values.has(tensor.name)) continue;
      const { dtype, dims, data } = readTensor(tensor);
      const value = this.graph.constant(dtype, dims, data, tensor.name);
      const contents = wholeNumbers(dtype, data);
      if (contents) this.contents.set(value, contents);
      this.values.set(tensor.name, value);
    }
    for (const node of proto.node) this.#readNode(node);
    return proto.output.map(({ name }) => this.#lookUp(name));
  }

  readBody(proto: GraphProto, graph: Graph, inputs: readonly Value[]): readonly Value[] {
    const reader = new GraphReader(graph, this, [this.prefix, this.graph.scope, "body"].filter(Boolean).join("/"));
    for (const [i, { name }] of proto.input.entries()) reader.values.set(name, inputs[i]!);
    return reader.read(proto);
  }

  #readNode(proto: NodeProto): void {
    const inputs = proto.input.map((name) => (name === "" ? undefined : this.#lookUp(name)));
    const node = new NodeReader(proto, inputs, this);
    const domain = proto.domain === "" || proto.domain === "ai.onnx" ? "" : `${proto.domain}.`;
    const raise = raisers.get(`${domain}${proto.opType}`) ?? node.unsupported("limbeck has no such op");
    const outputs = this.#inScope(node, () => raise(node));
    node.finish();
    for (const [i, output] of [outputs].flat().entries()) {
      const name = proto.output[i];
      if (name) this.values.set(name, output as Value);
    }
  }

  /** Builds in the scope that the node's name tells, and names the node where its shapes are wrong. */
  #inScope<T>(node: NodeReader, build: () => T): T {
    const within = node.name.startsWith(`${this.prefix}/`) ? node.name.slice(this.prefix.length + 1) : node.name;
    const scope = within.split("/").filter(Boolean).slice(0, -1).join("/");
    try {
      return scope === "" ? build() : this.graph.within(scope, build);
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      throw new ShapeError(`onnx: node "${node.name}": ${error.message}`, { cause: error });
    }
  }

  #lookUp(name: string): Value {
    for (let reader: GraphReader | undefined = this; reader; reader = reader.outer) {
      const value = reader.values.get(name);
      if (value) return value;
    }
    throw new ModelError(`onnx: the value "${name}" must be made before it is used, got none.`);
  }
}
