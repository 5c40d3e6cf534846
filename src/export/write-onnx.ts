/** @file The ONNX files of an export: one per precision, under the names that transformers.js looks for. */

import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeOnnxFile } from "../graph/onnx/write.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { bakePrompt } from "./baked-prompt.js";
import { makeOnnxGraph } from "./onnx-graph.js";
import { matrixKinds, storeWeights } from "./store-weights.js";
import type { Precision } from "./weight-store.js";

/** A written file. */
export interface OnnxFile {
  readonly precision: Precision;
  /** In the folder `onnx`. */
  readonly name: string;
  /** With the file that holds its weights, where there is one. */
  readonly bytes: number;
  /** Whether its weights are in `<name>_data`. */
  readonly isExternal: boolean;
}

const fileNames: Readonly<Record<Precision, string>> = {
  float32: "model.onnx",
  float16: "model_fp16.onnx",
  int8: "model_quantized.onnx",
  int4: "model_q4.onnx",
};

export const onnxFolder = "onnx";

/** Writes `onnx/model….onnx` for each precision; above 1.9 GiB the weights go to `onnx/model….onnx_data`. */
export async function writeOnnxFiles(
  folder: string,
  model: ModelWithWeights,
  precisions: readonly Precision[],
): Promise<readonly OnnxFile[]> {
  await mkdir(join(folder, onnxFolder));
  const graph = makeOnnxGraph(model, await bakePrompt(model));
  const kinds = matrixKinds(model);
  const files: OnnxFile[] = [];
  for (const precision of precisions) {
    const name = fileNames[precision];
    const path = join(folder, onnxFolder, name);
    await writeOnnxFile(path, storeWeights(graph, kinds, precision));
    const weightBytes = (await stat(`${path}_data`).catch(() => undefined))?.size;
    files.push({
      precision,
      name,
      bytes: (await stat(path)).size + (weightBytes ?? 0),
      isExternal: weightBytes !== undefined,
    });
  }
  return files;
}
