/** @file A model folder as what the graph needs: the architecture, its shape and every weight, in float32 or in fewer bits. */

import { ModelError } from "../errors.js";
import type { ParameterSpec } from "../models/architecture.js";
import type { ModelDefinition } from "../models/model-graph.js";
import { architectureOf } from "../models/registry.js";
import { promptSpec, withSoftPrompt } from "../models/soft-prompt.js";
import { float32Tensor, type HostTensor } from "../runtime/tensor.js";
import { type ModelFolder, openModelFolder } from "./model-folder.js";
import { formatsFor, type ModelUse, type Precision } from "./quantize/precision.js";
import { quantizeTensor } from "./quantize/quantize-tensor.js";
import { makeLayerSmoother } from "./quantize/smooth-layers.js";

/** Weights by their Hugging Face names; a quantized one's two parts by the names that its graph gives them. */
export type Weights = ReadonlyMap<string, HostTensor>;

/** A model that can run: read from a folder, or made. */
export interface ModelWithWeights extends ModelDefinition {
  /** What stands, or will stand, in config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: Weights;
}

/** What is known of a model folder without its weights in memory. */
export interface DescribedModel extends ModelDefinition {
  readonly path: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly bytesOnDisk: number;
  readonly fingerprint: string;
}

export interface LoadedModel extends ModelWithWeights, DescribedModel {}

export interface LoadOptions {
  /** `float32` unless given. With fewer bits no tensor's floats stay in memory once they are rounded. */
  readonly precision?: Precision;
  /** What for; `reading` unless given. */
  readonly use?: ModelUse;
}

/**
 * Reads a model folder, tensor by tensor.
 *
 * @throws ModelError for an unsupported `model_type`, a missing tensor, or a shape that contradicts config.json.
 */
export async function loadModelFolder(path: string, options: LoadOptions = {}): Promise<LoadedModel> {
  return loadWeights(await describeModelFolder(path, options));
}

/**
 * Checks a model folder and takes its fingerprint.
 *
 * @throws ModelError as {@link loadModelFolder}.
 */
export async function describeModelFolder(
  path: string,
  { precision = "float32", use = "reading" }: LoadOptions = {},
): Promise<DescribedModel> {
  await using folder = await openModelFolder(path);
  const architecture = architectureOf(folder.config);
  const shape = architecture.parse(folder.config);
  const specs = architecture.parameters(shape);
  for (const spec of specs) folder.expectShape(spec.name, spec.shape);
  const formats = formatsFor(specs, precision, use);
  const { virtualTokens } = folder;
  if (virtualTokens > 0) {
    const { name, shape: size } = promptSpec(shape, virtualTokens);
    folder.expectShape(name, size);
  }
  const base = { architecture, shape, ...(formats.size > 0 && { formats }) };
  return {
    ...(virtualTokens > 0 ? withSoftPrompt(base, virtualTokens) : base),
    path,
    config: folder.config,
    bytesOnDisk: folder.bytesOnDisk,
    fingerprint: await folder.fingerprint(),
  };
}

/** Reads the weights of a model that was described, tensor by tensor. */
export async function loadWeights(model: DescribedModel): Promise<LoadedModel> {
  await using folder = await openModelFolder(model.path);
  const specs = model.architecture.parameters(model.shape);
  const [prompt, body] = [specs.filter(({ role }) => role === "prompt"), specs.filter(({ role }) => role !== "prompt")];
  // What stands before every text is no part of the layers that are smoothed.
  const base = prompt.length > 0 ? { ...model, architecture: architectureOf(model.config) } : model;
  const weights = new Map(await readWeights(folder, base, body));
  for (const spec of prompt) weights.set(spec.name, await readTensor(folder, spec));
  return { ...model, weights };
}

/** Reads the output head alone, `[headWidth, hiddenSize]` in float32: the embedding table where tied. */
export async function loadOutputHead(model: DescribedModel): Promise<HostTensor> {
  await using folder = await openModelFolder(model.path);
  const name = outputHeadName(model.shape);
  return await readTensor(folder, model.architecture.parameters(model.shape).find((spec) => spec.name === name)!);
}

/** What the weight of a model's output head is called. */
export function outputHeadName({ tiedHead }: ModelDefinition["shape"]): string {
  return tiedHead ? "model.embed_tokens.weight" : "lm_head.weight";
}

async function readWeights(
  folder: ModelFolder,
  model: ModelDefinition,
  specs: readonly ParameterSpec[],
): Promise<Weights> {
  const weights = new Map<string, HostTensor>();
  const keep = async ({ name, shape }: ParameterSpec, tensor: HostTensor): Promise<void> => {
    const format = model.formats?.get(name);
    if (!format) {
      weights.set(name, tensor);
      return;
    }
    const size = shape as readonly [number, number];
    const parts = await quantizeTensor(name, tensor.data as Float32Array, size, format);
    for (const [part, kept] of parts) weights.set(part, kept);
  };
  const structure = model.architecture.layerStructure?.(model.shape);
  const isSmoothed = [...(model.formats?.values() ?? [])].includes("int8");
  const prefixes =
    structure && isSmoothed ? Array.from({ length: model.shape.layers }, (_, i) => structure.prefix(i)) : [];
  const layerOf = ({ name }: ParameterSpec) => prefixes.findIndex((prefix) => name.startsWith(prefix));
  for (const spec of specs) if (layerOf(spec) < 0) await keep(spec, await readTensor(folder, spec));
  if (prefixes.length === 0) return weights;

  const table = specs.find(({ role }) => role === "embedding")!.name;
  const smoother = await makeLayerSmoother(model, structure!, weights.get(table)!.data as Float32Array);
  try {
    for (const layer of prefixes.keys()) {
      const own = specs.filter((spec) => layerOf(spec) === layer);
      const tensors = new Map<string, HostTensor>();
      for (const spec of own) tensors.set(spec.name, await readTensor(folder, spec));
      await smoother.smooth(layer, tensors);
      for (const spec of own) await keep(spec, tensors.get(spec.name)!);
    }
  } finally {
    await smoother.dispose();
  }
  return weights;
}

async function readTensor(folder: ModelFolder, { name, shape }: ParameterSpec): Promise<HostTensor> {
  const data = await folder.readFloat32(name);
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return float32Tensor(shape, data);
  throw new ModelError(`"${folder.path}": tensor "${name}" must be finite, got ${data[at]} at element ${at}.`);
}
