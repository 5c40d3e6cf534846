/** @file The engine: compiles a graph to an ONNX Runtime session and runs it. The only file that knows onnxruntime. */

import { createRequire } from "node:module";
import os from "node:os";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { LimbeckError, ShapeError } from "../errors.js";
import { printShape } from "../graph/dims.js";
import type { DType, TensorData } from "../graph/dtype.js";
import type { Graph, Input, Value } from "../graph/graph.js";
import type { OnnxTarget } from "../graph/onnx/lower.js";
import { encodeOnnx, toOnnx } from "../graph/onnx/write.js";
import { requiredSources } from "../graph/walk.js";
import type { HostTensor } from "./tensor.js";

export interface CompileOptions {
  /** Where the program runs. */
  readonly device?: "cpu";
  /** Threads inside one operation; all cores when left out. */
  readonly threads?: number;
  /** `standard` lowers to standard ops only, for checking what an export computes; `engine` unless given. */
  readonly target?: OnnxTarget;
  /** Writes a trace of every node's time when the program is disposed, to a file that starts with this path. */
  readonly profileTo?: string;
}

export type Feeds = Readonly<Record<string, HostTensor>>;

/** A compiled graph. Dispose it: the engine's memory is not seen by the garbage collector. */
export interface Program<Name extends string = string> {
  run(feeds: Feeds): Promise<Record<Name, HostTensor>>;
  dispose(): Promise<void>;
}

const ortTypes: Readonly<Record<DType, Tensor.Type>> = {
  float32: "float32",
  float64: "float64",
  int32: "int32",
  int64: "int64",
  uint8: "uint8",
  bool: "bool",
};

let liveProgramCount = 0;

/** Programs compiled and not yet disposed; tests expect 0 at the end. */
export function liveProgramsForTests(): number {
  return liveProgramCount;
}

/**
 * Compiles the nodes that `outputs` need.
 *
 * @param outputs - what `run` returns, by the caller's names.
 * @throws LimbeckError `ENGINE` where the engine refuses the graph; the message names the node.
 */
export async function compile<Name extends string>(
  graph: Graph,
  outputs: Readonly<Record<Name, Value>>,
  options: CompileOptions = {},
): Promise<Program<Name>> {
  const names = Object.keys(outputs) as Name[];
  const values = names.map((name) => outputs[name]);
  const { model, outputNames } = toOnnx(graph, values, { target: options.target ?? "engine" });
  const sources = requiredSources(graph, values);
  const fed = graph.inputs.filter((input) => sources.has(input));
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(encodeOnnx(model), {
      executionProviders: [options.device ?? "cpu"],
      intraOpNumThreads: options.threads ?? os.availableParallelism(),
      interOpNumThreads: 1,
      logSeverityLevel: 3,
      ...(options.profileTo ? { enableProfiling: true, profileFilePrefix: options.profileTo } : {}),
    });
  } catch (cause) {
    throw wrapEngineError(cause, graph, "compiling");
  }
  liveProgramCount++;
  return new OrtProgram(graph, session, fed, names, outputNames, options.profileTo !== undefined);
}

class OrtProgram<Name extends string> implements Program<Name> {
  #disposed = false;
  readonly #tensors = new WeakMap<HostTensor, Tensor>();

  constructor(
    readonly graph: Graph,
    readonly session: InferenceSession,
    readonly inputs: readonly Input[],
    readonly names: readonly Name[],
    readonly outputNames: readonly string[],
    readonly profiling: boolean,
  ) {}

  async run(feeds: Feeds): Promise<Record<Name, HostTensor>> {
    if (this.#disposed) throw new LimbeckError("DISPOSED", "runtime: the program was disposed before this run.");
    const symbols = new Map<string, number>();
    const ortFeeds: Record<string, Tensor> = {};
    for (const input of this.inputs) {
      const tensor = feeds[input.name];
      if (!tensor) throw new ShapeError(`runtime: input "${input.name}" was not fed.`);
      checkFeed(input, tensor, symbols);
      ortFeeds[input.name] = this.#toOrt(tensor);
    }
    let results: InferenceSession.OnnxValueMapType;
    try {
      results = await this.session.run(ortFeeds, this.outputNames);
    } catch (cause) {
      throw wrapEngineError(cause, this.graph, "running");
    }
    const outputs: Partial<Record<Name, HostTensor>> = {};
    for (const [i, name] of this.names.entries()) {
      const tensor = results[this.outputNames[i]!] as Tensor;
      outputs[name] = { dtype: tensor.type as DType, dims: tensor.dims, data: tensor.data as TensorData };
    }
    return outputs as Record<Name, HostTensor>;
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    liveProgramCount--;
    if (this.profiling) this.session.endProfiling();
    await this.session.release();
  }

  /** Weights are fed at every run: their tensor, which shares the array's memory, is made once. */
  #toOrt(tensor: HostTensor): Tensor {
    let made = this.#tensors.get(tensor);
    if (!made) {
      made = new Tensor(ortTypes[tensor.dtype], tensor.data as Float32Array, tensor.dims);
      this.#tensors.set(tensor, made);
    }
    return made;
  }
}

function checkFeed(input: Input, { dtype, dims }: HostTensor, symbols: Map<string, number>): void {
  const fits =
    dtype === input.dtype &&
    dims.length === input.shape.length &&
    input.shape.every((dim, axis) => {
      const size = dims[axis]!;
      if (typeof dim === "number") return dim === size;
      const known = symbols.get(dim) ?? size;
      symbols.set(dim, known);
      return known === size;
    });
  if (fits) return;
  const known = [...symbols].map(([symbol, size]) => `${symbol}=${size}`).join(", ");
  throw new ShapeError(
    `runtime: input "${input.name}" must be ${input.dtype} ${printShape(input.shape)}` +
      `${known === "" ? "" : ` with ${known}`}, got ${dtype} ${printShape(dims)}.`,
  );
}

/** An engine error with the node, its scope and the shapes around it. */
function wrapEngineError(cause: unknown, graph: Graph, activity: string): LimbeckError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const quoted = /(?:Name:|node[ (])\s*'?\(?([^'()\s]+)/i.exec(message)?.[1];
  const node = quoted === undefined ? undefined : graph.nodes.find(({ name }) => quoted.startsWith(name));
  const shapes = node?.inputs.map(({ name, shape }) => `"${name}" ${printShape(shape)}`).join(", ");
  const where = node ? ` at node "${node.name}" (${node.op} of ${shapes})` : "";
  return new LimbeckError("ENGINE", `runtime: the engine failed while ${activity} the graph${where}: ${message}`, {
    cause,
    details: node ? { node: node.name, scope: node.scope, op: node.op } : {},
  });
}

/** The engine's version and what it runs on here. */
export function describeEngine(): { engine: string; version: string; devices: readonly string[]; threads: number } {
  const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string };
  return { engine: "onnxruntime-node", version, devices: ["cpu"], threads: os.availableParallelism() };
}
