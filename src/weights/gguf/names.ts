/** @file What a GGUF file calls the weights that Hugging Face files have. */

const outside: Readonly<Record<string, string>> = {
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
};

const withinLayer: Readonly<Record<string, string>> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  attn_output: "self_attn.o_proj",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

/** The factors that rotary angles are divided by: no weight, but a part of the configuration. */
export const ropeFactorsName = "rope_freqs.weight";

/** The name in Hugging Face files, or undefined for a tensor that none of the supported architectures has. */
export function huggingFaceName(name: string): string | undefined {
  const [, layer, part, kind] = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name) ?? [];
  const known = layer === undefined ? outside : withinLayer;
  if (part === undefined || !Object.hasOwn(known, part)) return undefined;
  return `${layer === undefined ? "" : `model.layers.${Number(layer)}.`}${known[part]}.${kind}`;
}
