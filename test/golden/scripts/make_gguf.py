"""GGUF files written by the `gguf` Python package, into test/golden/gguf/.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_gguf.py      # after make_models.py

    types.gguf            one tensor of every type that limbeck reads: quantized by the package where it can, else random bytes
                          with scales of a model's size; each begins with a block of extreme scales
    types.json            their values as gguf.quants.dequantize gives them: float32, little-endian, base64
    llama-bfloat16.gguf   models/llama-bfloat16 as llama.cpp's converter lays it out, with query and key rows permuted
"""

import base64
import datetime
import importlib.metadata
import json
import pathlib

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from safetensors import safe_open

GOLDEN = pathlib.Path(__file__).resolve().parents[1]
SEED = 20250301
PLAIN = [Type.F32, Type.F16, Type.BF16]
QUANTIZED = [Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1]
# Type: where its blocks keep f16 scales.
SUPER_BLOCKS = {Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208]}
EXTREME = np.array([-65504, 6e-8], np.float16)  # the largest and the smallest f16


def super_blocks(kind, count, random):
    blocks = random.integers(0, 256, (count, gguf.GGML_QUANT_SIZES[kind][1]), np.uint8)
    for i, at in enumerate(SUPER_BLOCKS[kind]):
        scales = random.normal(0, 0.01, count).astype(np.float16)
        scales[0] = EXTREME[i]
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(count, 2)
    return blocks.reshape(1, -1)


def blocks_of(kind, random):
    if kind in SUPER_BLOCKS:
        return super_blocks(kind, 2, random)
    data = gguf.quants.quantize(random.normal(0, 0.05, (2, 64)).astype(np.float32), kind)
    if kind in QUANTIZED:
        data[0, :2] = EXTREME[:1].view(np.uint8)
    return data


def make_types():
    random = np.random.default_rng(SEED)
    writer = gguf.GGUFWriter(GOLDEN / "gguf/types.gguf", "llama")
    expected = {}
    for kind in [*PLAIN, *QUANTIZED, *SUPER_BLOCKS]:
        data = blocks_of(kind, random)
        writer.add_tensor(kind.name, data, raw_dtype=kind if data.dtype == np.uint8 else None)
        values = np.ascontiguousarray(gguf.quants.dequantize(data, kind), np.float32)
        expected[kind.name] = {"shape": values.shape, "float32": base64.b64encode(values.tobytes()).decode()}
    write(writer)
    meta = {
        "description": "The values of the tensors in types.gguf.",
        "script": "test/golden/scripts/make_gguf.py",
        "versions": {name: importlib.metadata.version(name) for name in ("gguf", "numpy")},
        "seed": SEED,
        "date": datetime.date.today().isoformat(),
    }
    (GOLDEN / "gguf/types.json").write_text(json.dumps({"_meta": meta, "tensors": expected}, indent=1) + "\n")


def permute(weights, heads):
    """As LlamaModel.permute of llama.cpp's converter."""
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def make_llama(name):
    config = json.loads((GOLDEN / f"models/{name}/config.json").read_text())
    writer = gguf.GGUFWriter(GOLDEN / f"gguf/{name}.gguf", "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_vocab_size(config["vocab_size"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    with safe_open(GOLDEN / f"models/{name}/model.safetensors", "pt") as file:
        for key in file.keys():
            values = file.get_tensor(key).to(torch.float32).numpy()
            if "q_proj" in key:
                values = permute(values, config["num_attention_heads"])
            if "k_proj" in key:
                values = permute(values, config["num_key_value_heads"])
            own = names.get_name(key, try_suffixes=(".weight",))
            if values.ndim == 1:
                writer.add_tensor(own, values)
            else:
                writer.add_tensor(own, gguf.quants.quantize(np.ascontiguousarray(values), Type.BF16), raw_dtype=Type.BF16)
    write(writer)


def write(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


(GOLDEN / "gguf").mkdir(exist_ok=True)
make_types()
make_llama("llama-bfloat16")
