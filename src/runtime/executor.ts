/** @file The engine: compiles a graph to an ONNX Runtime session and runs it. The only file that knows onnxruntime. */

import { createRequire } from "node:module";
import os from "node:os";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { LimbeckError } from "../errors.js";
import type { DType, TensorData } from "../graph/dtype.js";
import type { Graph, Input, Value } from "../graph/graph.js";
import type { OnnxTarget } from "../graph/onnx/lower.js";
import { encodeOnnx, separateTensors, toOnnx } from "../graph/onnx/write.js";
import { engineError } from "./engine-error.js";
import { checkFeeds, type Feeds } from "./feeds.js";
import type { HostTensor } from "./tensor.js";

export interface CompileOptions {
  /** Where the program runs. */
  readonly device?: "cpu";
  /** Threads inside one operation; all cores when left out. */
  readonly threads?: number;
  /** `standard` lowers to standard ops only, for checking what an export computes; `engine` unless given. */
  readonly target?: OnnxTarget;
  /**
   * Parameters that the program keeps, in a copy of its own, instead of being fed at every run: feeding costs some microseconds
   * per tensor, and the engine packs what it keeps for its kernels.
   */
  readonly weights?: Feeds;
  /** Writes a trace of every node's time when the program is disposed, to a file that starts with this path. */
  readonly profileTo?: string;
}

export type { Feeds };

/** A compiled graph. Dispose it: the engine's memory is not seen by the garbage collector. */
export interface Program<Name extends string = string> {
  run(feeds: Feeds): Promise<Record<Name, HostTensor>>;
  /** Waits for runs in flight, then frees the engine's memory; runs after it are refused. */
  dispose(): Promise<void>;
}

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
  if (values.length === 0) {
    throw new LimbeckError("GRAPH", "runtime: a program must have at least one output, got none.");
  }
  const kept = Object.entries(options.weights ?? {}).map(([name, { data }]) => [name, data] as const);
  const { model, inputs, outputNames } = toOnnx(graph, values, {
    target: options.target ?? "engine",
    weights: Object.fromEntries(kept),
  });
  const separated = separateTensors(model);
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(encodeOnnx(separated.model), {
      externalData: separated.files,
      executionProviders: [options.device ?? "cpu"],
      intraOpNumThreads: options.threads ?? os.availableParallelism(),
      interOpNumThreads: 1,
      // Planned blocks are held on top of the arena: a training step takes a quarter more memory with them, no time less.
      enableMemPattern: false,
      // Fatal only: errors are thrown, so they need not be written to stderr as well.
      logSeverityLevel: 4,
      // The engine fuses x·sigmoid(x) and others into kernels that float64 does not have.
      graphOptimizationLevel: inputs.some(({ dtype }) => dtype === "float64") ? "basic" : "all",
      ...(options.profileTo ? { enableProfiling: true, profileFilePrefix: options.profileTo } : {}),
    });
  } catch (cause) {
    throw engineError(cause, graph, "compiling");
  }
  liveProgramCount++;
  return new OrtProgram(graph, session, inputs, names, outputNames, options.profileTo !== undefined);
}

class OrtProgram<Name extends string> implements Program<Name> {
  #disposed = false;
  readonly #running = new Set<Promise<unknown>>();
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
    const sizes = checkFeeds(this.inputs, feeds);
    const ortFeeds: Record<string, Tensor> = {};
    for (const { name } of this.inputs) ortFeeds[name] = this.#toOrt(feeds[name]!);
    const running = this.session.run(ortFeeds, this.outputNames);
    this.#running.add(running);
    let results: InferenceSession.OnnxValueMapType;
    try {
      results = await running;
    } catch (cause) {
      throw engineError(cause, this.graph, "running", sizes);
    } finally {
      this.#running.delete(running);
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
    await Promise.allSettled(this.#running);
    liveProgramCount--;
    if (this.profiling) this.session.endProfiling();
    await this.session.release();
  }

  /** Weights are fed at every run: their tensor, which shares the array's memory, is made once. */
  #toOrt(tensor: HostTensor): Tensor {
    let made = this.#tensors.get(tensor);
    if (!made) {
      made = new Tensor(tensor.dtype, tensor.data as Float32Array, tensor.dims);
      this.#tensors.set(tensor, made);
    }
    return made;
  }
}

/** The engine's version and what it runs on here. */
export function describeEngine(): { engine: string; version: string; devices: readonly string[]; threads: number } {
  const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string };
  return { engine: "onnxruntime-node", version, devices: ["cpu"], threads: os.availableParallelism() };
}
