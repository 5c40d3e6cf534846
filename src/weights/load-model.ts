/** @file A model folder as what the graph needs: the architecture, its shape and every weight in float32. */

import { ModelError } from "../errors.js";
import type { ModelDefinition } from "../models/model-graph.js";
import { architectureOf } from "../models/registry.js";
import { float32Tensor, type HostTensor } from "../runtime/tensor.js";
import { openModelFolder } from "./model-folder.js";

/** Weights by their Hugging Face names. */
export type Weights = ReadonlyMap<string, HostTensor>;

/** A model that can run: read from a folder, or made. */
export interface ModelWithWeights extends ModelDefinition {
  /** What stands, or will stand, in config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: Weights;
}

export interface LoadedModel extends ModelWithWeights {
  readonly path: string;
  readonly bytesOnDisk: number;
  readonly fingerprint: string;
}

/**
 * Reads a model folder whole.
 *
 * @throws ModelError for an unsupported `model_type`, a missing tensor, or a shape that contradicts config.json.
 */
export async function loadModelFolder(path: string): Promise<LoadedModel> {
  await using folder = await openModelFolder(path);
  const architecture = architectureOf(folder.config);
  const shape = architecture.parse(folder.config);
  const specs = architecture.parameters(shape);
  for (const spec of specs) folder.expectShape(spec.name, spec.shape);
  const weights = new Map<string, HostTensor>();
  for (const spec of specs) weights.set(spec.name, float32Tensor(spec.shape, await folder.readFloat32(spec.name)));
  expectFinite(path, weights);
  return {
    path,
    architecture,
    shape,
    config: folder.config,
    weights,
    bytesOnDisk: folder.bytesOnDisk,
    fingerprint: await folder.fingerprint(),
  };
}

function expectFinite(path: string, weights: Weights): void {
  for (const [name, { data }] of weights) {
    const at = (data as Float32Array).findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw new ModelError(`"${path}": tensor "${name}" must be finite, got ${data[at]} at element ${at}.`);
  }
}
