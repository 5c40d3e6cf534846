/** @file One ONNX node as the readers of ops see it: operands, attributes, and operands whose contents are known. */

import { UnsupportedError } from "../../errors.js";
import type { Dim } from "../dims.js";
import type { Graph, Value } from "../graph.js";
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  type NodeProto,
} from "./generated/onnx_pb.js";
import { type OnnxTensor, readTensor } from "./read-tensor.js";

/** What a node needs of the graph that it stands in. */
export interface ReadingContext {
  readonly graph: Graph;
  /** Elements of whole-number tensors that are known: constants, and sizes of symbols. */
  readonly contents: WeakMap<Value, readonly Dim[]>;
  /** Reads a loop's body into a graph: from its inputs to its outputs. */
  readBody(proto: GraphProto, graph: Graph, inputs: readonly Value[]): readonly Value[];
}

export class NodeReader {
  readonly name: string;
  readonly outputCount: number;
  readonly #attributes: Map<string, AttributeProto>;

  constructor(
    readonly proto: NodeProto,
    /** Undefined where an optional operand is left out. */
    readonly inputs: readonly (Value | undefined)[],
    readonly context: ReadingContext,
  ) {
    this.name = proto.name === "" ? (proto.output[0] ?? "") : proto.name;
    this.outputCount = proto.output.length;
    this.#attributes = new Map(proto.attribute.map((attribute) => [attribute.name, attribute]));
  }

  input(index: number): Value {
    return this.inputs[index] ?? this.unsupported(`operand ${index} is missing`);
  }

  int(name: string, fallback: number): number {
    const attribute = this.#take(name, AttributeType.INT);
    return attribute ? Number(attribute.i) : fallback;
  }

  flag(name: string): boolean {
    return this.int(name, 0) !== 0;
  }

  float(name: string, fallback: number): number {
    const value = this.#take(name, AttributeType.FLOAT)?.f ?? fallback;
    // 1e-6 is stored as 9.99999997e-7: take the short number where both are the same float32.
    const short = Number(value.toPrecision(7));
    return Math.fround(short) === Math.fround(value) ? short : value;
  }

  text(name: string, fallback: string): string {
    const attribute = this.#take(name, AttributeType.STRING);
    return attribute ? new TextDecoder().decode(attribute.s) : fallback;
  }

  ints(name: string): readonly number[] | undefined {
    return this.#take(name, AttributeType.INTS)?.ints.map(Number);
  }

  tensor(name: string): OnnxTensor {
    const attribute = this.#take(name, AttributeType.TENSOR);
    return attribute?.t ? readTensor(attribute.t) : this.unsupported(`attribute "${name}" is missing`);
  }

  body(name: string): GraphProto {
    return this.#take(name, AttributeType.GRAPH)?.g ?? this.unsupported(`attribute "${name}" is missing`);
  }

  /** The elements of an operand that must be known before the graph runs, symbols included. */
  dims(index: number): readonly Dim[] {
    return (
      this.context.contents.get(this.input(index)) ??
      this.unsupported(`operand ${index} must be known when the file is read`)
    );
  }

  /** The elements of an operand that must be constant; undefined where it is left out. */
  numbers(index: number): readonly number[] | undefined {
    if (!this.inputs[index]) return undefined;
    const dims = this.dims(index);
    return dims.every((dim) => typeof dim === "number") ? dims : this.unsupported(`operand ${index} must be constant`);
  }

  /** Refuses the node unless a requirement holds. */
  require(holds: boolean, requirement: string): void {
    if (!holds) this.unsupported(requirement);
  }

  /** Refuses the node where it has an attribute that was not read: it could mean anything. */
  finish(): void {
    for (const name of this.#attributes.keys()) this.unsupported(`attribute "${name}" is not supported`);
  }

  unsupported(reason: string): never {
    const { opType, domain } = this.proto;
    throw new UnsupportedError(
      `onnx: node "${this.name}" (op "${opType}" of domain "${domain === "" ? "ai.onnx" : domain}") cannot be read: ${reason}.`,
      { details: { node: this.name, op: opType, domain } },
    );
  }

  #take(name: string, type: AttributeType): AttributeProto | undefined {
    const attribute = this.#attributes.get(name);
    if (!attribute) return undefined;
    if (attribute.type !== type) this.unsupported(`attribute "${name}" has the wrong type`);
    this.#attributes.delete(name);
    return attribute;
  }
}
