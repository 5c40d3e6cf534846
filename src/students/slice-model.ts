/** @file A smaller model cut out of a larger one of the Llama family: some of its layers, feed-forward neurons and attention heads. */

import { UnsupportedError } from "../errors.js";
import type { ParameterSpec } from "../models/architecture.js";
import { type LlamaShape, llama } from "../models/llama.js";
import type { ModelDefinition } from "../models/model-graph.js";
import { float32Tensor, type HostTensor } from "../runtime/tensor.js";
import { openModelFolder } from "../weights/index.js";
import type { ModelWithWeights } from "../weights/load-model.js";

/** What is kept of one layer; each list ascends. */
export interface LayerParts {
  /** The layer's number in the model that is cut. */
  readonly layer: number;
  /** Feed-forward neurons; undefined for all. */
  readonly neurons?: readonly number[] | undefined;
  /** Key/value heads, each with its whole group of query heads; undefined for all. */
  readonly keyValueHeads?: readonly number[] | undefined;
}

/** What is kept of a model: its layers in order, all with as many neurons and heads. */
export type ModelParts = readonly LayerParts[];

/** A model without its weights. */
export type ModelDescription = Omit<ModelWithWeights, "weights">;

/** @throws UnsupportedError where it is not known which weights belong together. */
export function llamaShapeOf({ architecture, shape }: ModelDefinition): LlamaShape {
  if ((architecture as unknown) === llama) return shape as LlamaShape;
  throw new UnsupportedError(
    `student: only models of type ${llama.modelTypes.join(", ")} can be cut, got "${shape.modelType}".`,
    { hint: "Start the student from a model of its own, with student.model." },
  );
}

/** The model that is left, without weights: config.json says its sizes, and everything else as before. */
export function describeSlice(model: ModelDescription, parts: ModelParts): ModelDescription {
  const { architecture, config } = model;
  const shape = llamaShapeOf(model);
  const first = parts[0]!;
  const keyValueHeads = first.keyValueHeads?.length ?? shape.keyValueHeads;
  const { layer_types: layerTypes } = config;
  // Without layer_types windows begin at a layer, by default the 28th.
  const windowsFrom = config.max_window_layers ?? (config.use_sliding_window === true ? 28 : undefined);
  const sliced = {
    ...config,
    num_hidden_layers: parts.length,
    intermediate_size: first.neurons?.length ?? shape.feedForwardSize,
    ...(first.keyValueHeads && {
      num_attention_heads: (keyValueHeads * shape.heads) / shape.keyValueHeads,
      num_key_value_heads: keyValueHeads,
      head_dim: shape.headDim, // no longer hidden_size / num_attention_heads
    }),
    ...(Array.isArray(layerTypes) && { layer_types: parts.map(({ layer }) => layerTypes[layer]) }),
    ...(typeof windowsFrom === "number" && {
      max_window_layers: parts.filter(({ layer }) => layer < windowsFrom).length,
    }),
  };
  return { architecture, shape: architecture.parse(sliced), config: sliced };
}

/**
 * Cuts a model out of a model folder: every weight is a copy of the rows and columns that are kept. A kept feed-forward neuron is
 * a row of gate and up and a column of down; a kept head its rows of query, key and value and its columns of the output projection.
 *
 * @param path - the folder, or GGUF file, of the model that is cut; tensors are read one by one.
 * @param model - the same model's description.
 */
export async function sliceModel(path: string, model: ModelDescription, parts: ModelParts): Promise<ModelWithWeights> {
  const shape = llamaShapeOf(model);
  const described = describeSlice(model, parts);
  const weights = new Map<string, HostTensor>();
  await using folder = await openModelFolder(path);
  for (const spec of described.architecture.parameters(described.shape)) {
    const { name, layer, within } = locate(spec, parts);
    const values = await folder.readFloat32(name);
    const kept = layer ? keptAxes(within, layer, shape) : {};
    weights.set(spec.name, float32Tensor(spec.shape, takeParts(values, folder.info(name).shape, kept)));
  }
  return { ...described, weights };
}

/** A weight's name in the model that is cut, its layer there, and its name within the layer. */
function locate({ name }: ParameterSpec, parts: ModelParts): { name: string; layer?: LayerParts; within: string } {
  const [, index, within = ""] = /^model\.layers\.(\d+)\.(.+)$/.exec(name) ?? [];
  if (index === undefined) return { name, within };
  const layer = parts[Number(index)]!;
  return { name: `model.layers.${layer.layer}.${within}`, layer, within };
}

/** Which rows and columns of a weight are kept; undefined for all. */
interface KeptAxes {
  readonly rows?: readonly number[] | undefined;
  readonly columns?: readonly number[] | undefined;
}

function keptAxes(within: string, { neurons, keyValueHeads }: LayerParts, shape: LlamaShape): KeptAxes {
  const { headDim } = shape;
  const group = shape.heads / shape.keyValueHeads;
  const queries = keyValueHeads && spread(keyValueHeads, group * headDim);
  switch (/^(?:self_attn|mlp)\.(\w+_proj)\./.exec(within)?.[1]) {
    case "q_proj":
      return { rows: queries };
    case "k_proj":
    case "v_proj":
      return { rows: keyValueHeads && spread(keyValueHeads, headDim) };
    case "o_proj":
      return within.endsWith("weight") ? { columns: queries } : {};
    case "gate_proj":
    case "up_proj":
      return { rows: neurons };
    case "down_proj":
      return within.endsWith("weight") ? { columns: neurons } : {};
    default:
      return {};
  }
}

/** Every index as the `width` indices that it stands for. */
function spread(indices: readonly number[], width: number): readonly number[] {
  return indices.flatMap((index) => Array.from({ length: width }, (_, i) => index * width + i));
}

/** @param shape - `[rows]` or `[rows, columns]`. */
function takeParts(values: Float32Array, shape: readonly number[], { rows, columns }: KeptAxes): Float32Array {
  if (!rows && !columns) return values;
  const [height, width = 1] = shape as readonly [number, number?];
  const keptRows = rows ?? Array.from({ length: height }, (_, i) => i);
  const taken = new Float32Array(keptRows.length * (columns?.length ?? width));
  let at = 0;
  for (const row of keptRows) {
    const line = values.subarray(row * width, (row + 1) * width);
    if (columns) for (const column of columns) taken[at++] = line[column]!;
    else {
      taken.set(line, at);
      at += width;
    }
  }
  return taken;
}
