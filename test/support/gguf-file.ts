/** @file Small GGUF files for tests, whole or damaged on purpose. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ModelFolder } from "../../src/weights/index.js";

type Value = string | number | boolean | readonly string[] | readonly number[];

export interface GgufTensorContent {
  readonly name: string;
  /** Fastest axis first, as GGUF has it. */
  readonly sizes: readonly (number | bigint)[];
  /** The type's number; 0 (F32) by default. */
  readonly type?: number;
  readonly data: Uint8Array;
  /** In the place of where the data really is. */
  readonly offset?: bigint;
}

export interface GgufContent {
  readonly metadata: Readonly<Record<string, Value>>;
  readonly tensors: readonly GgufTensorContent[];
  readonly version?: number;
  /** In the place of how many there are. */
  readonly tensorCount?: bigint;
  readonly keyCount?: bigint;
}

const alignment = 32;

/** The bytes of a GGUF file. Whole numbers become uint32 (in lists int32), other numbers float32. */
export function ggufBytes({ metadata, tensors, ...changes }: GgufContent): Buffer {
  const entries = Object.entries(metadata);
  const infos: Buffer[] = [];
  const data: Buffer[] = [];
  let offset = 0;
  for (const tensor of tensors) {
    infos.push(text(tensor.name), uint32(tensor.sizes.length), ...tensor.sizes.map((size) => uint64(BigInt(size))));
    infos.push(uint32(tensor.type ?? 0), uint64(tensor.offset ?? BigInt(offset)));
    data.push(padded(Buffer.from(tensor.data)));
    offset += data.at(-1)!.length;
  }
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    uint32(changes.version ?? 3),
    uint64(changes.tensorCount ?? BigInt(tensors.length)),
    uint64(changes.keyCount ?? BigInt(entries.length)),
    ...entries.flatMap(([key, value]) => [text(key), ...valueBytes(value)]),
    ...infos,
  ]);
  return Buffer.concat([padded(header), ...data]);
}

/** The bytes of float32 values. */
export function floatBytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

const ownNames: readonly (readonly [RegExp, string])[] = [
  [/^model\.embed_tokens/, "token_embd"],
  [/^model\.norm/, "output_norm"],
  [/^lm_head/, "output"],
  [/^model\.layers\.(\d+)\.input_layernorm/, "blk.$1.attn_norm"],
  [/^model\.layers\.(\d+)\.post_attention_layernorm/, "blk.$1.ffn_norm"],
  [/^model\.layers\.(\d+)\.self_attn\.o_proj/, "blk.$1.attn_output"],
  [/^model\.layers\.(\d+)\.self_attn\.([qkv])_(?:proj)/, "blk.$1.attn_$2"],
  [/^model\.layers\.(\d+)\.self_attn\.([qk])_norm/, "blk.$1.attn_$2_norm"],
  [/^model\.layers\.(\d+)\.mlp\.(gate|up|down)_proj/, "blk.$1.ffn_$2"],
];

/** A model folder as llama.cpp's converter lays it out, in float32. */
export async function asGguf(
  folder: ModelFolder,
  metadata: Readonly<Record<string, Value>> = {},
): Promise<GgufContent> {
  const config = folder.config as Record<string, number> & { readonly model_type: string };
  const architecture = config.model_type === "mistral" ? "llama" : config.model_type;
  const of = (key: string) => `${architecture}.${key}`;
  const heads = config.num_attention_heads!;
  const keyHeads = config.num_key_value_heads ?? heads;
  const tensors: GgufTensorContent[] = [];
  for (const name of folder.names()) {
    const [pattern, own] = ownNames.find(([each]) => each.test(name))!;
    const { shape } = folder.info(name);
    const values = await folder.readFloat32(name);
    const rowHeads =
      architecture !== "llama" ? 0 : name.includes("q_proj") ? heads : name.includes("k_proj") ? keyHeads : 0;
    tensors.push({
      name: name.replace(pattern, own),
      sizes: shape.toReversed(),
      data: floatBytes(rowHeads === 0 ? values : pairRows(values, shape[0]!, rowHeads)),
    });
  }
  return {
    metadata: {
      "general.architecture": architecture,
      [of("context_length")]: config.max_position_embeddings!,
      [of("embedding_length")]: config.hidden_size!,
      [of("block_count")]: config.num_hidden_layers!,
      [of("feed_forward_length")]: config.intermediate_size!,
      [of("attention.head_count")]: heads,
      [of("attention.head_count_kv")]: keyHeads,
      [of("attention.layer_norm_rms_epsilon")]: config.rms_norm_eps!,
      [of("rope.freq_base")]: config.rope_theta ?? 10_000,
      ...(config.head_dim != null && { [of("attention.key_length")]: config.head_dim }),
      ...metadata,
    },
    tensors,
  };
}

interface TokenizerDefinition {
  readonly model: { readonly vocab: Record<string, number>; readonly merges: [string, string][] };
  readonly added_tokens: { readonly id: number; readonly content: string; readonly special: boolean }[];
}

/** The metadata that llama.cpp's converter writes for a folder's tokenizer.json, for a head that is two ids wider. */
export async function tokenizerMetadata(
  folder: string,
  changes: Readonly<Record<string, Value>> = {},
): Promise<Record<string, Value>> {
  const definition: TokenizerDefinition = JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8"));
  const { model, added_tokens: added } = definition;
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token;
  for (const { id, content } of added) tokens[id] = content;
  const types: number[] = tokens.map((token) => (/^<0x..>$/.test(token) ? 6 : 1));
  for (const { id, content, special } of added) types[id] = content === "<unk>" ? 2 : special ? 3 : 4;
  const rank = new Map(model.merges.map(([a, b], i) => [a + b, -i] as const).reverse());
  return {
    "general.architecture": "llama",
    "tokenizer.ggml.tokens": [...tokens, "[PAD0]", "[PAD1]"],
    "tokenizer.ggml.token_type": [...types, 5, 5],
    ...(changes["tokenizer.ggml.model"] === "gpt2"
      ? { "tokenizer.ggml.merges": model.merges.map((merge) => merge.join(" ")) }
      : { "tokenizer.ggml.scores": [...tokens.map((token) => rank.get(token) ?? -1e6), -1e6, -1e6] }),
    ...changes,
  };
}

/** Rows of each head, first halves before second ones, become pairs side by side. */
function pairRows(values: Float32Array, rows: number, heads: number): Float32Array {
  const columns = values.length / rows;
  const half = rows / heads / 2;
  const paired = new Float32Array(values.length);
  for (let head = 0, to = 0; head < heads; head++) {
    for (let i = 0; i < half; i++) {
      for (const row of [head * 2 * half + i, head * 2 * half + half + i]) {
        paired.set(values.subarray(row * columns, (row + 1) * columns), columns * to++);
      }
    }
  }
  return paired;
}

function valueBytes(value: Value): Buffer[] {
  if (typeof value === "object") {
    const items = value.map((item) => (Number.isInteger(item) ? [uint32(5), int32(item as number)] : valueBytes(item)));
    return [uint32(9), items[0]?.[0] ?? uint32(8), uint64(BigInt(value.length)), ...items.map((item) => item[1]!)];
  }
  if (typeof value === "string") return [uint32(8), text(value)];
  if (typeof value === "boolean") return [uint32(7), Buffer.from([Number(value)])];
  return Number.isInteger(value) ? [uint32(4), uint32(value)] : [uint32(6), float32(value)];
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((alignment - (bytes.length % alignment)) % alignment)]);
}

function text(value: string): Buffer {
  return Buffer.concat([uint64(BigInt(Buffer.byteLength(value))), Buffer.from(value)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
