/** @file adapter_config.json: how PEFT describes low-rank adapters, read and written. */

import { ModelError, show, UnsupportedError } from "../../errors.js";

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

/** The adapters of a config, and the factor of their products. */
export interface ReadAdapterConfig {
  readonly baseModel: string;
  readonly scale: number;
}

/** Settings that change what an adapter computes, and the values under which it is a plain low-rank product. */
const plainSettings: Readonly<Record<string, readonly unknown[]>> = {
  peft_type: ["LORA"],
  bias: ["none", undefined],
  fan_in_fan_out: [false, undefined, null],
  use_dora: [false, undefined],
  lora_bias: [false, undefined],
  alora_invocation_tokens: [undefined, null],
};

/** Lists and tables that must be empty: layers trained whole, and ranks that differ from layer to layer. */
const emptySettings = ["modules_to_save", "rank_pattern", "alpha_pattern", "layer_replication", "target_parameters"];

/**
 * Reads what is needed to merge adapters.
 *
 * @throws UnsupportedError for adapters that are more than a low-rank product, ModelError where the config is damaged.
 */
export function parseAdapterConfig(path: string, config: Readonly<Record<string, unknown>>): ReadAdapterConfig {
  const refuse = (key: string, expected: string): never => {
    throw new UnsupportedError(`"${path}": "${key}" must be ${expected}, got ${show(config[key])}.`, {
      hint: "Merge it with PEFT (merge_and_unload), and use the model that this gives.",
    });
  };
  for (const [key, values] of Object.entries(plainSettings)) {
    if (!values.includes(config[key])) refuse(key, show(values[0]));
  }
  for (const key of emptySettings) {
    if (Object.keys(config[key] ?? {}).length > 0) refuse(key, "empty");
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
  return { baseModel, scale: alpha / (config.use_rslora === true ? Math.sqrt(rank) : rank) };
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
