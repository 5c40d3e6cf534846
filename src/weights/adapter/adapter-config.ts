/** @file adapter_config.json: how PEFT describes low-rank adapters, read and written; a soft prompt has a file of its own. */

import { ModelError, show, UnsupportedError } from "../../errors.js";
import { parseSoftPromptConfig, type ReadSoftPromptConfig, softPromptType } from "./soft-prompt-config.js";

export const adapterConfigFileName = "adapter_config.json";
export const adapterWeightsFileName = "adapter_model.safetensors";

/** What low-rank adapters are, as far as it can be merged. */
export interface AdapterConfig {
  /** As the file names it: a path or a model on the hub. */
  readonly baseModel: string;
  readonly rank: number;
  readonly alpha: number;
  /** Ends of the names of the layers that are adapted. */
  readonly targetModules: readonly string[];
}

/** What a config says: low-rank adapters with the factor of their products, or a soft prompt. */
export type ReadAdapterConfig =
  | { readonly kind: "low-rank"; readonly baseModel: string; readonly scale: number }
  | ReadSoftPromptConfig;

/** Settings with more than one value under which an adapter is a plain low-rank product on its base's weights as they are. */
const plainSettings: Readonly<Record<string, readonly unknown[]>> = {
  peft_type: ["LORA", softPromptType],
  bias: ["none", undefined],
  // The others begin by changing the base's weights, or are made of it.
  init_lora_weights: [true, false, "gaussian", "orthogonal", "eva", undefined],
};

/** Settings that say nothing about what a trained adapter computes, or are read for themselves. Every other one must be off. */
const otherSettings: ReadonlySet<string> = new Set([
  "base_model_name_or_path",
  "r",
  "lora_alpha",
  "use_rslora",
  "target_modules",
  "exclude_modules",
  "layers_to_transform",
  "layers_pattern",
  "task_type",
  "auto_mapping",
  "revision",
  "inference_mode",
  "lora_dropout",
  "eva_config",
  "loftq_config",
  "megatron_config",
  "megatron_core",
  "qalora_group_size",
  "peft_version",
]);

/**
 * Reads what is needed to merge adapters, or to put a soft prompt before every text.
 *
 * @throws UnsupportedError for adapters that are more than a low-rank product or a soft prompt, ModelError where the config is
 *   damaged.
 */
export function parseAdapterConfig(path: string, config: Readonly<Record<string, unknown>>): ReadAdapterConfig {
  if (config.peft_type === softPromptType) return parseSoftPromptConfig(path, config);
  const refuse = (key: string, expected: string): never => {
    throw new UnsupportedError(`"${path}": "${key}" must be ${expected}, got ${show(config[key])}.`, {
      hint: "Merge it with PEFT (merge_and_unload), and use the model that this gives.",
    });
  };
  for (const [key, values] of Object.entries(plainSettings)) {
    if (!values.includes(config[key]))
      refuse(
        key,
        values
          .filter((value) => value !== undefined)
          .map(show)
          .join(" or "),
      );
  }
  for (const [key, value] of Object.entries(config)) {
    const isOff = !value || (typeof value === "object" && Object.keys(value).length === 0);
    if (!isOff && !otherSettings.has(key) && !(key in plainSettings)) refuse(key, "off, as in a plain LoRA adapter");
  }
  const { base_model_name_or_path: baseModel, r: rank, lora_alpha: alpha } = config;
  const isPositive = (value: unknown): value is number => typeof value === "number" && value > 0;
  if (typeof baseModel !== "string" || baseModel === "") {
    throw new ModelError(`"${path}": "base_model_name_or_path" must name the base model, got ${show(baseModel)}.`);
  }
  if (!isPositive(rank) || !isPositive(alpha)) {
    throw new ModelError(
      `"${path}": "r" and "lora_alpha" must be numbers above 0, got ${show(rank)} and ${show(alpha)}.`,
    );
  }
  return { kind: "low-rank", baseModel, scale: alpha / (config.use_rslora === true ? Math.sqrt(rank) : rank) };
}

/** The same for PEFT, whose defaults fill in the rest. */
export function formatAdapterConfig({ baseModel, rank, alpha, targetModules }: AdapterConfig): Record<string, unknown> {
  return {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: baseModel,
    r: rank,
    lora_alpha: alpha,
    target_modules: targetModules,
    lora_dropout: 0,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    modules_to_save: null,
  };
}
