/** @file The typed graph: values, the nodes that compute them, readable names by scope, and subgraphs that may use outer values. */

import { LimbeckError, ShapeError, show } from "../errors.js";
import { type Dim, type Shape, symbolsOf } from "./dims.js";
import { type DType, expectData, isFloat, type TensorData, toTensorData } from "./dtype.js";
import type { NodeOf, OpAttributes, OpName } from "./op-table.js";

/** A tensor that will exist when the graph runs. */
export interface Value {
  readonly graph: Graph;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** The node that computes it; undefined for inputs, parameters and constants. */
  readonly producer: Node | undefined;
}

export interface ValueType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A graph input. Parameters are inputs that hold weights: an export stores their data in the file. */
export interface Input extends Value {
  readonly kind: "input" | "parameter";
}

/** A value known when the graph is built. */
export interface Constant extends Value {
  readonly data: TensorData;
}

export type Node = { readonly [K in OpName]: NodeOf<K> }[OpName];

/**
 * A list of nodes in the order they were built, which is a topological order.
 *
 * Build it with the free functions of `ops/`; they infer and check shapes. Names are made of the current scope and the
 * op, so a printed or exported graph reads like the model.
 */
export class Graph {
  readonly inputs: Input[] = [];
  readonly constants: Constant[] = [];
  readonly nodes: Node[] = [];
  /** The graph whose values this one may use besides its own: set for the body of a loop. */
  readonly parent: Graph | undefined;
  /** How many nodes the graphs around this one had when it was begun: an op on outer values only lands among theirs. */
  readonly outerNodeCounts: ReadonlyMap<Graph, number>;
  readonly #names: Map<string, number>;
  readonly #scopes: string[] = [];
  readonly #numbers = new Map<string, Constant>();
  readonly #prefix: string;

  constructor(options: { readonly parent?: Graph } = {}) {
    this.parent = options.parent;
    const outer = new Map<Graph, number>();
    for (let graph = options.parent; graph; graph = graph.parent) outer.set(graph, graph.nodes.length);
    this.outerNodeCounts = outer;
    // A body shares the namespace of the graph around it: ONNX forbids shadowing.
    this.#names = options.parent ? options.parent.#names : new Map();
    this.#prefix = options.parent ? `${options.parent.scope === "" ? "" : `${options.parent.scope}/`}body` : "";
  }

  /** The scopes entered now, joined: `layers.0/attention`. */
  get scope(): string {
    return this.#scopes.join("/");
  }

  /** Runs `build` with `name` appended to the scope of every node that it makes. */
  within<T>(name: string, build: () => T): T {
    this.#scopes.push(name);
    try {
      return build();
    } finally {
      this.#scopes.pop();
    }
  }

  /** A value fed at every run. */
  input(name: string, dtype: DType, shape: Shape): Input {
    return this.#addInput("input", name, dtype, shape);
  }

  /** A trainable weight, fed by reference at every run. */
  parameter(name: string, shape: readonly number[], dtype: DType = "float32"): Input {
    return this.#addInput("parameter", name, dtype, shape);
  }

  constant(dtype: DType, shape: readonly number[], data: TensorData, name = "constant"): Constant {
    expectData(`constant "${name}"`, dtype, shape, data);
    const value: Constant = { graph: this, name: this.#unique(name), dtype, shape, producer: undefined, data };
    this.constants.push(value);
    return value;
  }

  /** A scalar constant; equal numbers share one value. */
  number(dtype: DType, number: number): Constant {
    const key = `${dtype}:${Object.is(number, -0) ? "-0" : number}`;
    let value = this.#numbers.get(key);
    if (!value) {
      if (!isFloat(dtype) && !Number.isInteger(number)) {
        throw new ShapeError(`graph: a number beside ${dtype} operands must be whole, got ${number}.`);
      }
      value = this.constant(
        dtype,
        [],
        toTensorData(dtype, [number]),
        `number_${String(number).replace(/[^0-9a-z]/gi, "_")}`,
      );
      this.#numbers.set(key, value);
    }
    return value;
  }

  /** Appends a node; the functions in `ops/` call this after inference. */
  append<K extends OpName>(
    op: K,
    inputs: readonly Value[],
    attributes: OpAttributes[K],
    outputTypes: readonly ValueType[],
  ): readonly Value[] {
    for (const input of inputs) this.#checkReachable(op, input);
    const scope = [this.#prefix, ...this.#scopes].filter((part) => part !== "").join("/");
    const name = this.#unique(scope === "" ? op : `${scope}/${op}`);
    const outputs: Value[] = [];
    const node = { op, name, scope, graph: this, inputs, attributes, outputs } as unknown as Node;
    for (const [index, type] of outputTypes.entries()) {
      outputs.push({ graph: this, name: index === 0 ? name : `${name}:${index}`, ...type, producer: node });
    }
    this.nodes.push(node);
    return outputs;
  }

  /** The inputs from whose shapes a symbol can be read, with the axis: this graph's, then those of the graphs around it. */
  findSymbol(symbol: string): readonly { readonly input: Input; readonly axis: number }[] {
    const here = this.inputs.map((input) => ({ input, axis: input.shape.indexOf(symbol) }));
    return [...here.filter(({ axis }) => axis >= 0), ...(this.parent?.findSymbol(symbol) ?? [])];
  }

  #addInput(kind: Input["kind"], name: string, dtype: DType, shape: Shape): Input {
    if (this.#names.has(name) && !this.parent) {
      throw new LimbeckError("GRAPH", `graph: input names must be unique, got "${name}" a second time.`);
    }
    for (const dim of shape) this.#checkDim(name, dim);
    const value: Input = { graph: this, kind, name: this.#unique(name), dtype, shape, producer: undefined };
    this.inputs.push(value);
    return value;
  }

  #checkDim(name: string, dim: Dim): void {
    const symbols = symbolsOf(dim);
    const valid =
      typeof dim === "number" ? Number.isInteger(dim) && dim >= 0 : symbols.length > 0 && !symbols.includes("");
    if (!valid) throw new ShapeError(`input "${name}": a dim must be a whole number or a symbol, got ${show(dim)}.`);
  }

  #checkReachable(op: OpName, input: Value): void {
    for (let graph: Graph | undefined = this; graph; graph = graph.parent) if (graph === input.graph) return;
    throw new LimbeckError("GRAPH", `${op}: all operands must belong to one graph, got "${input.name}" of another.`, {
      hint: "Build the operands in the same graph, or pass the value in as an input.",
    });
  }

  #unique(name: string): string {
    const count = this.#names.get(name) ?? 0;
    this.#names.set(name, count + 1);
    return count === 0 ? name : this.#unique(`${name}_${count}`);
  }
}
