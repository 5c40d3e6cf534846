/** @file Low-rank adapters on a model: small trained factors beside weights that stay as they are. */

import { createRandom } from "../data/random.js";
import { LimbeckError, show, UnsupportedError } from "../errors.js";
import type { Value } from "../graph/graph.js";
import type { Architecture, ModelShape, ParameterSpec } from "../models/architecture.js";
import type { AdaptedWeight } from "../models/layers/linear.js";
import { float32Tensor, type HostTensor } from "../runtime/tensor.js";
import type { AdapterConfig } from "../weights/adapter/adapter-config.js";
import { type AdapterTensor, adapterName } from "../weights/adapter/adapter-folder.js";
import { mergeLowRank } from "../weights/adapter/merge.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import type { NamedTensor } from "../weights/safetensors-writer.js";
import type { ModelDescription } from "./slice-model.js";
import type { StudentModel } from "./student-model.js";

export interface AdapterOptions {
  readonly rank: number;
  /** The change is alpha / rank · B · A. */
  readonly alpha: number;
  /** Ends of layer names, such as `q_proj`; or all linear layers within the blocks. */
  readonly targets: "all-linear" | readonly string[];
}

/** The adapters of a student. */
export interface StudentAdapters {
  /** Its `baseModel` is undefined where the base is nowhere on disk yet. */
  readonly config: Omit<AdapterConfig, "baseModel"> & { readonly baseModel: string | undefined };
  /** The model without adapters: what a merged student is. */
  readonly base: ModelDescription;
}

/**
 * The weights that adapters change.
 *
 * @throws LimbeckError `STUDENT` where a target is no linear layer of the model; it lists those that are.
 */
export function findTargets(
  { architecture, shape }: ModelDescription,
  targets: AdapterOptions["targets"],
): readonly ParameterSpec[] {
  const linear = architecture
    .parameters(shape)
    .filter(({ role, shape }) => shape.length === 2 && (role === "matrix" || role === "residual-matrix"));
  if (targets === "all-linear") return linear;
  const endsIn = ({ name }: ParameterSpec, target: string) => `.${name}`.endsWith(`.${target}.weight`);
  for (const target of targets) {
    if (linear.some((spec) => endsIn(spec, target))) continue;
    throw new LimbeckError(
      "STUDENT",
      `student.adapters.targets: expected ends of the names of linear layers (${moduleNames(linear).join(", ")}), got ${show(target)}.`,
      { hint: 'Name some of these, or set it to "all-linear".' },
    );
  }
  return linear.filter((spec) => targets.some((target) => endsIn(spec, target)));
}

/** Last parts of layer names, each once. */
function moduleNames(specs: readonly ParameterSpec[]): readonly string[] {
  return [...new Set(specs.map(({ name }) => name.split(".").at(-2)!))].sort();
}

/**
 * A model whose own weights are frozen, with adapters that change nothing yet: A is drawn uniformly from ±1/√in, B is 0.
 *
 * @param baseModel - what adapter_config.json will call the model; undefined where it is nowhere on disk yet.
 * @see Hu et al. 2021, "LoRA", §4.1 (arXiv:2106.09685); the range of A is PEFT's, `kaiming_uniform_(a=√5)`.
 */
export function addAdapters(
  base: ModelWithWeights,
  options: AdapterOptions,
  { seed, baseModel }: { readonly seed: number; readonly baseModel: string | undefined },
): StudentModel {
  const { rank, alpha } = options;
  const targets = findTargets(base, options.targets);
  const architecture = adaptedArchitecture(base.architecture, targets, rank, alpha / rank);
  const weights = new Map<string, HostTensor>(base.weights);
  for (const [index, target] of targets.entries()) {
    const [down, up] = factorsOf(target, rank);
    const random = createRandom(seed, index);
    const bound = 1 / Math.sqrt(down.shape[1]!);
    const values = Float32Array.from({ length: sizeOf(down) }, () => bound * (2 * random.nextFloat() - 1));
    weights.set(down.name, float32Tensor(down.shape, values));
    weights.set(up.name, float32Tensor(up.shape, new Float32Array(sizeOf(up))));
  }
  const targetModules = options.targets === "all-linear" ? moduleNames(targets) : options.targets;
  const { config, shape } = base;
  return {
    architecture,
    shape,
    config,
    weights,
    frozen: new Set(base.weights.keys()),
    adapters: { config: { baseModel, rank, alpha, targetModules }, base },
  };
}

function factorsOf({ name, shape }: ParameterSpec, rank: number): readonly [down: ParameterSpec, up: ParameterSpec] {
  const [out, into] = shape as readonly [number, number];
  return [
    { name: adapterName(name, "down"), shape: [rank, into], role: "matrix" },
    { name: adapterName(name, "up"), shape: [out, rank], role: "matrix" },
  ];
}

function sizeOf({ shape }: ParameterSpec): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The same architecture, where `linear` finds a change of low rank beside each target. */
function adaptedArchitecture(
  base: Architecture,
  targets: readonly ParameterSpec[],
  rank: number,
  scale: number,
): Architecture {
  const factors = new Map(targets.map((target) => [target.name, factorsOf(target, rank)]));
  return {
    ...base,
    parameters: (shape: ModelShape) =>
      base.parameters(shape).flatMap((spec) => [spec, ...(factors.get(spec.name) ?? [])]),
    build(graph, shape, tokens, weights, options) {
      const adapted = (name: string): Value => {
        const weight = weights(name);
        const [down, up] = factors.get(name) ?? [];
        if (!down || !up) return weight;
        const lowRank = { down: weights(down.name), up: weights(up.name), scale };
        return Object.assign(weight, { lowRank } satisfies Pick<AdaptedWeight, "lowRank">);
      };
      const outputs = base.build(graph, shape, tokens, adapted, options);
      const used = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
      for (const [target, [down]] of factors) {
        if (used.has(weights(down.name))) continue;
        throw new UnsupportedError(
          `student.adapters: the architecture of "${shape.modelType}" must apply "${target}" with linear() to be adapted.`,
        );
      }
      return outputs;
    },
  };
}

/** Reads the present values of a weight. */
export type ReadWeight = (name: string) => Float32Array | Promise<Float32Array>;

/** The tensors of a student's base, without its adapters. */
export function baseTensors({ base }: StudentAdapters, read: ReadWeight): NamedTensor[] {
  return base.architecture
    .parameters(base.shape)
    .map(({ name, shape }) => ({ name, shape, data: async () => read(name) }));
}

/** The tensors of the model that a student is: with adapters, those of its base with the adapters merged. */
export function modelTensors({ architecture, shape, adapters }: StudentModel, read: ReadWeight): NamedTensor[] {
  const base = adapters?.base ?? { architecture, shape };
  const targets = new Set(adapters && adapterTargets(adapters).map(({ name }) => name));
  return base.architecture.parameters(base.shape).map(({ name, shape }) => ({
    name,
    shape,
    data: async () => {
      const weight = await read(name);
      if (!adapters || !targets.has(name)) return weight;
      const { rank, alpha } = adapters.config;
      const [down, up] = [await read(adapterName(name, "down")), await read(adapterName(name, "up"))];
      return mergeLowRank(weight, { rank, scale: alpha / rank, down, up });
    },
  }));
}

/** The tensors of the adapters alone. */
export function adapterTensors(adapters: StudentAdapters, read: ReadWeight): AdapterTensor[] {
  return adapterTargets(adapters)
    .flatMap((target) => factorsOf(target, adapters.config.rank))
    .map(({ name, shape }) => ({ name, shape, data: async () => read(name) }));
}

function adapterTargets({ base, config }: StudentAdapters): readonly ParameterSpec[] {
  return findTargets(base, config.targetModules);
}
