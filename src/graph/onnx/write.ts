/** @file From a graph to an ONNX model, in memory or as a file with its weights beside it when they are large. */

import { open, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { internalError, ShapeError } from "../../errors.js";
import { type DType, expectData, type TensorData, toTensorData } from "../dtype.js";
import type { Constant, Graph, Input, Node, Value } from "../graph.js";
import type { NodeOf } from "../op-table.js";
import { requiredNodes, requiredSources } from "../walk.js";
import {
  TensorProto_DataLocation as DataLocation,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
} from "./generated/onnx_pb.js";
import { type Emitter, lowerNode, type OnnxTarget } from "./lower.js";
import { contribDomain, makeNode, makeTensor, makeValueInfo, opsetVersion } from "./proto.js";

export interface OnnxOptions {
  readonly target: OnnxTarget;
  /** Weights to store in the model by parameter name; parameters not named stay inputs. */
  readonly weights?: Readonly<Record<string, TensorData>>;
}

/** An ONNX model, the inputs that it must be fed, and what its outputs are called, in the order that was asked for. */
export interface OnnxModel {
  readonly model: ModelProto;
  readonly inputs: readonly Input[];
  readonly outputNames: readonly string[];
}

/** Writes one graph (or one loop body) into a GraphProto. */
class GraphWriter {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly valueInfo: ValueInfoProto[] = [];
  readonly #constants = new Map<string, string>();
  readonly #symbols = new Map<string, string>();
  #freshCount = 0;
  #current = "";

  readonly emitter: Emitter;

  constructor(
    readonly graph: Graph,
    readonly options: OnnxOptions,
    readonly aliases: Map<Value, string>,
    /** Inputs that the file will have, of this graph and those around it; reading a symbol's size may add one. */
    readonly sources: Set<Value>,
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
      this.sources.add(source);
      if ("data" in source) this.#initializer(source as Constant);
    }
    for (const node of requiredNodes(this.graph, outputs)) {
      this.#current = node.name;
      lowerNode(node, this.emitter);
      if (this.options.target === "engine") this.#describe(node);
    }
    this.#current = name;
  }

  /** One name for each output, made by a copy where a value is returned twice or is not computed here. */
  nameOutputs(outputs: readonly Value[], prefix: string): readonly string[] {
    const free = new Set(this.nodes.flatMap(({ output }) => output));
    return outputs.map((value, i) => {
      const source = this.emitter.nameOf(value);
      return free.delete(source) ? source : this.emitter.node("Identity", [source], [`${prefix}_${i}`]);
    });
  }

  /**
   * Says the shapes of what a node computes: the engine writes over an input only where it knows that the sizes are the same.
   * Files for others have none, as their values change dtype when they are stored in fewer bits.
   */
  #describe({ outputs }: Node): void {
    const own = outputs.filter((value) => this.emitter.nameOf(value) === value.name);
    this.valueInfo.push(...own.map(({ name, dtype, shape }) => makeValueInfo(name, dtype, shape)));
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
      const { input, axis } = found.find(({ input }) => this.sources.has(input)) ?? found[0] ?? unknownSize(symbol);
      this.sources.add(input);
      name = `${this.#current}/size_of_${symbol}`;
      this.emitter.node("Shape", [this.emitter.nameOf(input)], [name], { start: axis, end: axis + 1 });
      this.#symbols.set(symbol, name);
    }
    return name;
  }

  #body(node: NodeOf<"Loop">): GraphProto {
    const { body, bodyInputs, bodyOutputs } = node.attributes;
    for (const input of bodyInputs) this.sources.add(input);
    const writer = new GraphWriter(body, this.options, this.aliases, this.sources);
    writer.write(node.name, bodyOutputs);
    const condition = `${node.name}/condition`;
    writer.nodes.push(makeNode("Identity", condition, [condition], [`${condition}_out`], {}, ""));
    const names = writer.nameOutputs(bodyOutputs, `${node.name}/body_output`);
    const outputs = bodyOutputs.map(({ dtype, shape }, i) => makeValueInfo(names[i]!, dtype, shape));
    const [iteration, ...carried] = bodyInputs as [Value, ...Value[]];
    return create(GraphProtoSchema, {
      name: `${node.name}/body`,
      node: writer.nodes,
      initializer: writer.initializers,
      valueInfo: writer.valueInfo,
      input: [
        makeValueInfo(iteration.name, "int64", []),
        makeValueInfo(condition, "bool", []),
        ...carried.map(({ name, dtype, shape }) => makeValueInfo(name, dtype, shape)),
      ],
      output: [makeValueInfo(`${condition}_out`, "bool", []), ...outputs],
    });
  }
}

function unknownSize(symbol: string): never {
  throw new ShapeError(
    `onnx: the size "${symbol}" must be an axis of an input, so that it can be read when the graph runs.`,
  );
}

function internalNoOutput(opType: string): never {
  throw internalError(`an ONNX "${opType}" node without outputs`);
}

/** Whether any node, in loops too, is one of ONNX Runtime's own. */
function usesContrib(nodes: readonly NodeProto[]): boolean {
  return nodes.some(
    ({ domain, attribute }) => domain === contribDomain || attribute.some(({ g }) => g && usesContrib(g.node)),
  );
}

/** The ONNX model that computes `outputs`; only the nodes they need are written. */
export function toOnnx(graph: Graph, outputs: readonly Value[], options: OnnxOptions): OnnxModel {
  const sources = new Set<Value>();
  const writer = new GraphWriter(graph, options, new Map(), sources);
  writer.write("graph", outputs);
  const outputNames = writer.nameOutputs(outputs, "graph/output");
  const weights = options.weights ?? {};
  const inputs: Input[] = [];
  for (const input of graph.inputs.filter((input) => sources.has(input))) {
    const data = weights[input.name];
    if (!data) {
      inputs.push(input);
      continue;
    }
    const dims = input.shape as readonly number[];
    expectData(`weight "${input.name}"`, input.dtype, dims, data);
    writer.initializers.push(makeTensor(input.name, input.dtype, dims, data));
  }
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    producerName: "limbeck",
    opsetImport: [
      { domain: "", version: BigInt(opsetVersion) },
      ...(usesContrib(writer.nodes) ? [{ domain: contribDomain, version: 1n }] : []),
    ],
    graph: create(GraphProtoSchema, {
      name: "limbeck",
      node: writer.nodes,
      initializer: writer.initializers,
      valueInfo: writer.valueInfo,
      input: inputs.map(({ name, dtype, shape }) => makeValueInfo(name, dtype, shape)),
      output: outputs.map(({ dtype, shape }, i) => makeValueInfo(outputNames[i]!, dtype, shape)),
    }),
  });
  return { model, inputs, outputNames };
}

/** Largest file that protobuf readers accept, less room for the graph itself. */
const maxInlineBytes = 1.9 * 2 ** 30;

/** Tensors of fewer bytes stay inside. */
const smallestExternal = 1024;

/** Bytes of an in-memory model. */
export function encodeOnnx(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

/** Bytes that stand outside a model, and the name by which it refers to them. */
export interface ExternalData {
  readonly path: string;
  readonly data: Uint8Array;
}

/** The model with its large tensors outside, each under its own name; the arrays that hold them are shared, not copied. */
export function separateTensors(model: ModelProto): { readonly model: ModelProto; readonly files: ExternalData[] } {
  const files: ExternalData[] = [];
  const initializer = (model.graph?.initializer ?? []).map((tensor) => {
    const { name, rawData } = tensor;
    if (!rawData || rawData.length < smallestExternal) return tensor;
    files.push({ path: name, data: rawData });
    return externalTensor(tensor, { location: name, offset: "0", length: String(rawData.length) });
  });
  return { model: { ...model, graph: { ...model.graph, initializer } as GraphProto }, files };
}

/**
 * Writes a model file. When its weights exceed `maxInlineBytes` (1.9 GiB unless given), tensors of 1 KiB or more go to
 * `<path>_data` beside it, as ONNX external data under the name that transformers.js looks for.
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
  const location = `${basename(path)}_data`;
  const file = await open(`${path}_data`, "w");
  let offset = 0;
  const external: TensorProto[] = [];
  try {
    for (const tensor of initializers) {
      const data = tensor.rawData;
      if (!data || data.length < smallestExternal) {
        external.push(tensor);
        continue;
      }
      await file.writeFile(data);
      external.push(externalTensor(tensor, { location, offset: String(offset), length: String(data.length) }));
      offset += data.length;
    }
  } finally {
    await file.close();
  }
  const graph = { ...model.graph, initializer: external } as GraphProto;
  await writeFile(path, encodeOnnx({ ...model, graph }));
}

/** The tensor without its data, which lies in another file. */
function externalTensor({ name, dims, dataType }: TensorProto, entry: Readonly<Record<string, string>>): TensorProto {
  const externalData = Object.entries(entry).map(([key, value]) => ({ key, value }));
  return create(TensorProtoSchema, { name, dims, dataType, dataLocation: DataLocation.EXTERNAL, externalData });
}
