/** @file What goes with an exported ONNX model: config.json, the tokenizer's files and chat template, generation_config.json. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedModel } from "../weights/load-model.js";
import { readCompanions } from "../weights/write-model-folder.js";
import { exportedPositions } from "./onnx-graph.js";
import type { Precision } from "./weight-store.js";
import type { OnnxFile } from "./write-onnx.js";

/** What transformers.js calls the precisions. */
export const transformersJsNames: Readonly<Record<Precision, string>> = {
  float32: "fp32",
  float16: "fp16",
  int8: "q8",
  int4: "q4",
};

const generationConfigName = "generation_config.json";

/** Writes all of them into the folder. The tokenizer's files are those of the student, byte for byte. */
export async function writeCompanions(folder: string, student: LoadedModel, files: readonly OnnxFile[]): Promise<void> {
  const companions = new Map(await readCompanions(student.path));
  const write = (name: string, value: unknown) =>
    writeFile(join(folder, name), `${JSON.stringify(value, undefined, 2)}\n`);
  const { dtype: _, ...config } = student.config;
  await write("config.json", {
    ...config,
    torch_dtype: "float32",
    max_position_embeddings: exportedPositions(student) - (student.shape.virtualTokens ?? 0),
    ...loadingConfig(files),
  });
  if (!companions.has(generationConfigName)) await write(generationConfigName, generationConfig(student.config));
  for (const [name, content] of companions) await writeFile(join(folder, name), content);
}

/** What transformers.js takes where its caller names no dtype; its own choice needs fp32 or q8, by device. */
function loadingConfig(files: readonly OnnxFile[]): Readonly<Record<string, unknown>> {
  const written = new Set(files.map(({ precision }) => precision));
  const hasDefaults = written.has("float32") && written.has("int8");
  const external = files.filter(({ isExternal }) => isExternal).map(({ name }) => [name, 1]);
  const settings = {
    ...(hasDefaults ? {} : { dtype: transformersJsNames[files[0]!.precision] }),
    ...(external.length > 0 ? { use_external_data_format: Object.fromEntries(external) } : {}),
  };
  return Object.keys(settings).length === 0 ? {} : { "transformers.js_config": settings };
}

function generationConfig(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const keys = ["bos_token_id", "eos_token_id", "pad_token_id"].filter((key) => config[key] != null);
  return { _from_model_config: true, ...Object.fromEntries(keys.map((key) => [key, config[key]])) };
}
