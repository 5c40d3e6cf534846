/** @file From a graph to an ONNX model, in memory or as a file with its weights beside it when they are large. */

import { createWriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { finished } from "node:stream/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { internalError } from "../../errors.js";
import { type DType, type TensorData, toTensorData } from "../dtype.js";
import type { Constant, Graph, Value } from "../graph.js";
import type { NodeOf } from "../op-table.js";
import { requiredNodes, requiredSources } from "../walk.js";
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  TensorProto_DataLocation as DataLocation,
  type TensorProto,
} from "./generated/onnx_pb.js";
import { type Emitter, lowerNode, type OnnxTarget } from "./lower.js";
import { contribDomain, makeNode, makeTensor, makeValueInfo, opsetVersion } from "./proto.js";

export interface OnnxOptions {
  readonly target: OnnxTarget;
  /** Weights to store in the model by parameter name; parameters not named stay inputs. */
  readonly weights?: Readonly<Record<string, TensorData>>;
}

/** An ONNX model and what its outputs are called there, in the order that was asked for. */
export interface OnnxModel {
  readonly model: ModelProto;
  readonly outputNames: readonly string[];
}

/** Writes one graph (or one loop body) into a GraphProto. */
class GraphWriter {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly #constants = new Map<string, string>();
  readonly #symbols = new Map<string, string>();
  #freshCount = 0;
  #current = "";

  readonly emitter: Emitter;

  constructor(
    readonly graph: Graph,
    readonly options: OnnxOptions,
    readonly aliases: Map<Value, string>,
  ) {
    this.emitter = {
      target: options.target,
      nameOf: (value) => this.aliases.get(value) ?? value.name,
      alias: (value, source) => this.aliases.set(value, this.aliases.get(source) ?? source.name),
      node: (opType, inputs, outputs, attributes = {}, domain = "") => {
        const name = outputs[0] ?? internalNoOutput(opType);
        this.nodes.push(makeNode(opType, name, inputs, outputs, attributes, domain));
        return name;
      },
      fresh: (suffix) => `${this.#current}/${suffix}_${this.#freshCount++}`,
      int64: (values) => this.#shared("int64", [values.length], values),
      scalar: (dtype, value) => this.#shared(dtype, [], [value]),
      symbolSize: (symbol) => this.#symbolSize(symbol),
      body: (node) => this.#body(node),
    };
  }

  write(name: string, outputs: readonly Value[]): void {
    for (const source of requiredSources(this.graph, outputs)) {
      if ("data" in source) this.#initializer(source as Constant);
    }
    for (const node of requiredNodes(this.graph, outputs)) {
      this.#current = node.name;
      lowerNode(node, this.emitter);
    }
    this.#current = name;
  }

  #initializer({ name, dtype, shape, data }: Constant): void {
    this.initializers.push(makeTensor(name, dtype, shape as readonly number[], data));
  }

  #shared(dtype: DType, shape: readonly number[], values: readonly number[]): string {
    const key = `${dtype}[${shape.join()}]:${values.join()}`;
    let name = this.#constants.get(key);
    if (!name) {
      name = `${this.#current}/${dtype}_${this.#constants.size}`;
      this.#constants.set(key, name);
      this.initializers.push(makeTensor(name, dtype, shape, toTensorData(dtype, values)));
    }
    return name;
  }

  #symbolSize(symbol: string): string {
    let name = this.#symbols.get(symbol);
    if (!name) {
      const found = this.graph.findSymbol(symbol);
      if (!found) throw internalError(`the symbol "${symbol}" is not an axis of any graph input`);
      const { input, axis } = found;
      name = `${this.#current}/size_of_${symbol}`;
      this.emitter.node("Shape", [this.emitter.nameOf(input)], [name], { start: axis, end: axis + 1 });
      this.#symbols.set(symbol, name);
    }
    return name;
  }

  #body(node: NodeOf<"Loop">): GraphProto {
    const { body, bodyInputs, bodyOutputs } = node.attributes;
    const writer = new GraphWriter(body, this.options, this.aliases);
    writer.write(node.name, bodyOutputs);
    const condition = `${node.name}/condition`;
    writer.nodes.push(makeNode("Identity", condition, [condition], [`${condition}_out`], {}, ""));
    const outputs = bodyOutputs.map((value, i) => {
      // A fresh name for every output: a body may return one value twice, or an input as it came.
      const name = `${node.name}/body_output_${i}`;
      const source = writer.emitter.nameOf(value);
      const producer = bodyOutputs.indexOf(value) === i && writer.nodes.find(({ output }) => output.includes(source));
      if (!producer) writer.nodes.push(makeNode("Identity", name, [source], [name], {}, ""));
      return makeValueInfo(producer ? source : name, value.dtype, value.shape);
    });
    const [iteration, ...carried] = bodyInputs as [Value, ...Value[]];
    return create(GraphProtoSchema, {
      name: `${node.name}/body`,
      node: writer.nodes,
      initializer: writer.initializers,
      input: [
        makeValueInfo(iteration.name, "int64", []),
        makeValueInfo(condition, "bool", []),
        ...carried.map(({ name, dtype, shape }) => makeValueInfo(name, dtype, shape)),
      ],
      output: [makeValueInfo(`${condition}_out`, "bool", []), ...outputs],
    });
  }
}

function internalNoOutput(opType: string): never {
  throw internalError(`an ONNX "${opType}" node without outputs`);
}

/** The ONNX model that computes `outputs`; only the nodes they need are written. */
export function toOnnx(graph: Graph, outputs: readonly Value[], options: OnnxOptions): OnnxModel {
  const writer = new GraphWriter(graph, options, new Map());
  writer.write("graph", outputs);
  const used = requiredSources(graph, outputs);
  const weights = options.weights ?? {};
  const produced = new Set(writer.nodes.flatMap(({ output }) => output));
  const taken = new Set<string>();
  const outputNames = outputs.map((value, i) => {
    const source = writer.emitter.nameOf(value);
    if (produced.has(source) && !taken.has(source)) {
      taken.add(source);
      return source;
    }
    const name = `output_${i}`;
    writer.nodes.push(makeNode("Identity", name, [source], [name], {}, ""));
    return name;
  });
  const stored = graph.inputs.filter((input) => used.has(input) && weights[input.name] !== undefined);
  for (const { name, dtype, shape } of stored) {
    writer.initializers.push(makeTensor(name, dtype, shape as readonly number[], weights[name]!));
  }
  const fed = graph.inputs.filter((input) => used.has(input) && weights[input.name] === undefined);
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    producerName: "limbeck",
    opsetImport: [
      { domain: "", version: BigInt(opsetVersion) },
      ...(options.target === "engine" ? [{ domain: contribDomain, version: 1n }] : []),
    ],
    graph: create(GraphProtoSchema, {
      name: "limbeck",
      node: writer.nodes,
      initializer: writer.initializers,
      input: fed.map(({ name, dtype, shape }) => makeValueInfo(name, dtype, shape)),
      output: outputs.map(({ dtype, shape }, i) => makeValueInfo(outputNames[i]!, dtype, shape)),
    }),
  });
  return { model, outputNames };
}

/** Largest file that protobuf readers accept, less room for the graph itself. */
const maxInlineBytes = 1.9 * 2 ** 30;

/** Bytes of an in-memory model. */
export function encodeOnnx(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

/**
 * Writes a model file. When its weights exceed `maxInlineBytes` (1.9 GiB unless given), tensors of 1 KiB or more go to
 * `<path>.data` beside it, as ONNX external data.
 */
export async function writeOnnxFile(
  path: string,
  model: ModelProto,
  options: { readonly maxInlineBytes?: number } = {},
): Promise<void> {
  const initializers = model.graph?.initializer ?? [];
  const total = initializers.reduce((sum, { rawData }) => sum + (rawData?.length ?? 0), 0);
  if (total <= (options.maxInlineBytes ?? maxInlineBytes)) {
    await writeFile(path, encodeOnnx(model));
    return;
  }
  const location = `${basename(path)}.data`;
  const stream = createWriteStream(`${path}.data`);
  let offset = 0;
  const external: TensorProto[] = [];
  for (const tensor of initializers) {
    const data = tensor.rawData;
    if (!data || data.length < 1024) {
      external.push(tensor);
      continue;
    }
    const entry = { location, offset: String(offset), length: String(data.length) };
    if (!stream.write(data)) await new Promise<void>((resume) => stream.once("drain", resume));
    offset += data.length;
    const { rawData: _, ...rest } = tensor;
    external.push({
      ...rest,
      dataLocation: DataLocation.EXTERNAL,
      externalData: Object.entries(entry).map(([key, value]) => ({
        $typeName: "onnx.StringStringEntryProto" as const,
        key,
        value,
      })),
    } as TensorProto);
  }
  stream.end();
  await finished(stream);
  const graph = { ...model.graph, initializer: external } as GraphProto;
  await writeFile(path, encodeOnnx({ ...model, graph }));
}
