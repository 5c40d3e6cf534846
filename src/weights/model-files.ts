/** @file What the files of a model folder are called. */

export const configFileName = "config.json";
export const weightsFileName = "model.safetensors";
export const weightsIndexFileName = "model.safetensors.index.json";

/** Files beside the weights that a student takes over from the model it comes from. */
export const companionFileNames: ReadonlySet<string> = new Set([
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
  "chat_template.jinja",
  "chat_template.json",
  "generation_config.json",
]);
