/** @file adapter_config.json of a soft prompt, which PEFT calls prompt tuning: read and written. */

import { ModelError, show, UnsupportedError } from "../../errors.js";

/** What PEFT calls a soft prompt. */
export const softPromptType = "PROMPT_TUNING";

/** A soft prompt as a config describes it. */
export interface ReadSoftPromptConfig {
  readonly kind: "soft-prompt";
  readonly baseModel: string;
  readonly virtualTokens: number;
}

/**
 * Reads what is needed to put a soft prompt before every text. How it was started says nothing about what it is now.
 *
 * @throws UnsupportedError for a prompt of another kind of model, ModelError where the config is damaged.
 */
export function parseSoftPromptConfig(path: string, config: Readonly<Record<string, unknown>>): ReadSoftPromptConfig {
  const { base_model_name_or_path: baseModel, num_virtual_tokens: virtualTokens } = config;
  const plain = { task_type: ["CAUSAL_LM", null, undefined], num_transformer_submodules: [1, null, undefined] };
  for (const [key, values] of Object.entries(plain) as [string, readonly unknown[]][]) {
    if (values.includes(config[key])) continue;
    throw new UnsupportedError(
      `"${path}": "${key}" of a soft prompt must be ${show(values[0])}, got ${show(config[key])}.`,
      {
        hint: "Use a prompt of a causal language model.",
      },
    );
  }
  if (typeof baseModel !== "string" || baseModel === "") {
    throw new ModelError(`"${path}": "base_model_name_or_path" must name the base model, got ${show(baseModel)}.`);
  }
  if (typeof virtualTokens !== "number" || !Number.isInteger(virtualTokens) || virtualTokens < 1) {
    throw new ModelError(
      `"${path}": "num_virtual_tokens" must be a whole number of at least 1, got ${show(virtualTokens)}.`,
    );
  }
  return { kind: "soft-prompt", baseModel, virtualTokens };
}

/** What PEFT needs to know of a soft prompt and of the model that it stands before. */
export interface SoftPromptConfig {
  readonly baseModel: string;
  readonly virtualTokens: number;
  readonly hiddenSize: number;
  readonly layers: number;
}

/** The same for PEFT, whose defaults fill in the rest. Its start is given as random, so that loading needs no tokenizer. */
export function formatSoftPromptConfig({
  baseModel,
  virtualTokens,
  hiddenSize,
  layers,
}: SoftPromptConfig): Record<string, unknown> {
  return {
    peft_type: softPromptType,
    task_type: "CAUSAL_LM",
    base_model_name_or_path: baseModel,
    num_virtual_tokens: virtualTokens,
    token_dim: hiddenSize,
    num_layers: layers,
    num_transformer_submodules: 1,
    prompt_tuning_init: "RANDOM",
    inference_mode: true,
  };
}
