/** @file Low-rank adapters merged into their base for good: a model folder like any other. */

import { readdir } from "node:fs/promises";
import { UnsupportedError } from "../../errors.js";
import { openModelFolder } from "../model-folder.js";
import type { WeightDtype } from "../safetensors-writer.js";
import { writeModelFolder } from "../write-model-folder.js";
import { locateAdapterBase } from "./adapter-folder.js";

/**
 * Writes the model that an adapter makes of its base. A merged model computes what base and adapter compute side by side, and needs
 * neither.
 *
 * @param adapter - a folder in PEFT's format: `adapter_config.json`, `adapter_model.safetensors`.
 * @param to - a new folder, in float32 unless `dtype` is given.
 * @throws ModelError if the adapter does not fit its base, UnsupportedError if it is something else than a low-rank product.
 * @throws LimbeckError `FILE` where `to` is occupied.
 * @example
 * await mergeAdapters("runs/mine/adapter", "models/merged");
 */
export async function mergeAdapters(
  adapter: string,
  to: string,
  { dtype = "float32" }: { readonly dtype?: WeightDtype } = {},
): Promise<void> {
  const hasTokenizer = (await readdir(adapter)).includes("tokenizer.json");
  const copyFrom = hasTokenizer ? adapter : await locateAdapterBase(adapter);
  await using model = await openModelFolder(adapter);
  if (model.virtualTokens > 0) {
    throw new UnsupportedError(
      `"${adapter}": a soft prompt is no part of its base's weights, so that it cannot be merged.`,
      {
        hint: "Use the folder as it is, or export it with limbeck export --format onnx.",
      },
    );
  }
  const tensors = model.names().map((name) => {
    return { name, shape: model.info(name).shape, data: () => model.readFloat32(name) };
  });
  await writeModelFolder(to, { config: model.config, tensors, dtype, copyFrom });
}
