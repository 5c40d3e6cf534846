/** @file A folder in PEFT's format: what low-rank adapters and soft prompts have in common on disk. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFolderAtomically } from "../atomic-write.js";
import { configFileName } from "../model-files.js";
import { type NamedTensor, writeSafetensors } from "../safetensors-writer.js";
import { readCompanions } from "../write-model-folder.js";
import { adapterConfigFileName, adapterWeightsFileName } from "./adapter-config.js";

/**
 * Writes `adapter_config.json`, `adapter_model.safetensors` and the tokenizer's files, as PEFT's `save_pretrained` does.
 *
 * @param copyFrom - the model whose tokenizer files go with it, where it has any.
 * @param options - `replace`: takes the place of what is there already; `modelConfig`: the base's config.json, to go with it.
 */
export async function writePeftFolder(
  path: string,
  config: Readonly<Record<string, unknown>>,
  tensors: readonly NamedTensor[],
  copyFrom: string | undefined,
  { replace, modelConfig }: { readonly replace: boolean; readonly modelConfig?: Readonly<Record<string, unknown>> },
): Promise<void> {
  const companions = copyFrom === undefined ? new Map<string, string | Buffer>() : await readCompanions(copyFrom);
  await writeFolderAtomically(
    path,
    async (folder) => {
      await writeSafetensors(join(folder, adapterWeightsFileName), tensors, { metadata: { format: "pt" } });
      await writeJson(join(folder, adapterConfigFileName), config);
      if (modelConfig) await writeJson(join(folder, configFileName), modelConfig);
      for (const [name, content] of companions) await writeFile(join(folder, name), content);
    },
    { replace },
  );
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, undefined, 2)}\n`);
}
