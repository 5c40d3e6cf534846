/** @file An exported ONNX file, opened as others open it: tokens in pieces, keys and values handed back from piece to piece. */

import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ModelError, show } from "../errors.js";
import { readCount } from "../models/config-reader.js";
import { openModelFile } from "../runtime/model-file.js";
import { float32Tensor, type HostTensor } from "../runtime/tensor.js";

/** What an exported model says. Dispose it. */
export interface ExportedModel {
  readonly headWidth: number;
  /** Longest sequence, by config.json. */
  readonly maxTokens: number;
  /** Forgets what was read. */
  start(): void;
  /**
   * Reads tokens after those read since the last start.
   *
   * @returns logits after each of them, `[tokens, headWidth]`.
   */
  read(ids: ArrayLike<number>): Promise<Float32Array>;
  dispose(): Promise<void>;
}

const cacheName = /^past_key_values\.(\d+\.(?:key|value))$/;

/**
 * Opens an ONNX file in the layout of `limbeck export`, Optimum and transformers.js.
 *
 * @throws ModelError where the file cannot be opened, or has another layout.
 */
export async function openExportedModel(
  path: string,
  options: { readonly threads?: number } = {},
): Promise<ExportedModel> {
  const { config } = await readExportedConfig(path);
  const file = await openModelFile(path, options);
  const caches = file.inputs.filter(({ name }) => cacheName.test(name));
  const others = file.inputs.filter(({ name }) => !cacheName.test(name)).map(({ name }) => name);
  const headWidth = file.outputs.find(({ name }) => name === "logits")?.shape.at(-1);
  const known = ["input_ids", "attention_mask", "position_ids"];
  if (caches.length === 0 || typeof headWidth !== "number" || others.some((name) => !known.includes(name))) {
    await file.dispose();
    const got = `inputs ${others.join(", ")} and ${caches.length} caches`;
    throw new ModelError(`${show(path)}: expected ${known.join(", ")}, past_key_values.* and logits, got ${got}.`, {
      hint: "Give a file that limbeck export wrote, or another decoder in the layout of transformers.js.",
    });
  }
  const empty = (): Record<string, HostTensor> =>
    Object.fromEntries(
      caches.map(({ name, shape }) => {
        return [name, float32Tensor([1, Number(shape[1]), 0, Number(shape[3])], new Float32Array(0))];
      }),
    );
  let cache = empty();
  let length = 0;
  return {
    headWidth,
    maxTokens: readCount(config, "max_position_embeddings", 2048),
    start() {
      cache = empty();
      length = 0;
    },
    async read(ids) {
      const end = length + ids.length;
      const all: Readonly<Record<string, HostTensor>> = {
        input_ids: wholeNumbers(ids.length, (i) => ids[i]!),
        attention_mask: wholeNumbers(end, () => 1),
        position_ids: wholeNumbers(ids.length, (i) => length + i),
      };
      const feeds = Object.fromEntries(others.map((name) => [name, all[name]!]));
      const outputs = await file.run({ ...feeds, ...cache });
      for (const { name } of caches) cache[name] = outputs[name.replace("past_key_values", "present")]!;
      length = end;
      return outputs.logits!.data as Float32Array;
    },
    dispose: () => file.dispose(),
  };
}

/**
 * The folder that an ONNX file belongs to, with its config.json and its tokenizer: the file's own, or the one around it.
 *
 * @throws ModelError where neither holds a config.json.
 */
export async function readExportedConfig(
  path: string,
): Promise<{ readonly folder: string; readonly config: Readonly<Record<string, unknown>> }> {
  for (const folder of [dirname(path), dirname(dirname(resolve(path)))]) {
    const text = await readFile(join(folder, "config.json"), "utf8").catch(() => undefined);
    if (text === undefined) continue;
    try {
      return { folder, config: JSON.parse(text) as Record<string, unknown> };
    } catch (cause) {
      throw new ModelError(`${show(join(folder, "config.json"))}: expected JSON, got something else.`, { cause });
    }
  }
  throw new ModelError(`${show(path)}: expected config.json in its folder or the one around it, got none.`, {
    hint: "Keep the exported folder as it was written.",
  });
}

function wholeNumbers(count: number, value: (i: number) => number): HostTensor {
  return { dtype: "int64", dims: [1, count], data: BigInt64Array.from({ length: count }, (_, i) => BigInt(value(i))) };
}
