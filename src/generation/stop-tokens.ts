/** @file Which tokens end a text: all that a model's files name. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Tokenizer } from "../data/tokenizer.js";
import { ModelError } from "../errors.js";
import type { LoadedModel } from "../weights/load-model.js";

/**
 * The tokenizer's end token and the `eos_token_id`s (one, or a list) of config.json and generation_config.json. Chat models often
 * have several: one ends a turn, another a document.
 */
export async function findStopTokens(
  { path, config }: Pick<LoadedModel, "path" | "config">,
  tokenizer: Pick<Tokenizer, "endTokenId">,
): Promise<readonly number[]> {
  const file = join(path, "generation_config.json");
  const text = await readFile(file, "utf8").catch(() => "{}");
  let generation: { readonly eos_token_id?: unknown };
  try {
    generation = JSON.parse(text) as typeof generation;
  } catch (cause) {
    throw new ModelError(`generate: "${file}" must be JSON: ${(cause as Error).message}.`, {
      hint: "Replace it by the file that came with the model, or remove it.",
      cause,
    });
  }
  const named = [tokenizer.endTokenId, config.eos_token_id, generation.eos_token_id].flat();
  return [...new Set(named.filter((id): id is number => Number.isInteger(id)))];
}
