"""Writes the fixtures of src/weights with the reference implementations, into test/golden/weights/.

Run: python test/golden/scripts/weights.py   (torch 2.8, transformers 4.56, safetensors)

    mixed.safetensors   every float type with its special values, an integer type, a scalar, an empty tensor
    mixed.json          the float32 bit pattern of every float value in it, widened by torch
    single/ sharded/    one tiny Llama as written by transformers' save_pretrained, bf16 in one file and f32 in shards
    folders.json        sha256 of every tensor's float32 bytes in those folders
"""

import datetime
import hashlib
import json
import pathlib
import shutil

import safetensors
import torch
import transformers
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "weights"
SEED = 0


def header():
    return {
        "script": "test/golden/scripts/weights.py",
        "versions": {
            "safetensors": safetensors.__version__,
            "torch": torch.__version__.split("+")[0],
            "transformers": transformers.__version__,
        },
        "seed": SEED,
        "date": datetime.date.today().isoformat(),
    }


def write_json(name, value):
    (FOLDER / name).write_text(json.dumps({"header": header(), **value}, indent=1) + "\n")


def bits(tensor):
    return [word & 0xFFFFFFFF for word in tensor.to(torch.float32).flatten().view(torch.int32).tolist()]


def from_patterns(patterns, dtype):
    return torch.tensor(patterns, dtype=torch.int32).to(torch.int16).view(dtype)


def mixed():
    special = [0.0, -0.0, 1.0, -1.5, float("inf"), float("-inf"), float("nan"), 3.4028234663852886e38, 1e-45]
    tensors = {
        "f32": torch.cat([torch.tensor(special), torch.randn(7)]).reshape(4, 4),
        # zero, smallest and largest subnormal, smallest and largest normal, infinities, ones
        "f16": from_patterns([0, 0x8000, 1, 0x3FF, 0x400, 0x7BFF, 0x7C00, 0xFC00, 0x3C00, 0xBC01], torch.float16),
        "bf16": from_patterns([0, 0x8000, 1, 0x7F, 0x80, 0x7F7F, 0x7F80, 0xFF80, 0x3F80, 0xBF81], torch.bfloat16),
        "f64": torch.tensor([0.1, -1e300, 1e-300, 1 + 2**-24, 1 + 3 * 2**-24], dtype=torch.float64),
        "scalar": torch.tensor(0.5),
        "empty": torch.zeros(0, 3),
        "i64": torch.tensor([1, 2, 3]),
        "name with \"quotes\" \u00e9": torch.randn(3).to(torch.bfloat16),
    }
    save_file(tensors, FOLDER / "mixed.safetensors", metadata={"format": "pt", "note": "golden"})
    floats = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    write_json("mixed.json", {"tensors": {n: {"shape": list(t.shape), "bits": bits(t)} for n, t in floats.items()}})


def folders():
    config = transformers.LlamaConfig(
        vocab_size=16, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=32,
    )
    model = transformers.LlamaForCausalLM(config)
    model.save_pretrained(FOLDER / "sharded", max_shard_size="2KB")
    model.to(torch.bfloat16).save_pretrained(FOLDER / "single")
    expected = {}
    for name in ("sharded", "single"):
        state = transformers.LlamaForCausalLM.from_pretrained(FOLDER / name).state_dict()
        expected[name] = {
            key: hashlib.sha256(tensor.to(torch.float32).numpy().tobytes()).hexdigest() for key, tensor in state.items()
        }
    write_json("folders.json", {"sha256": expected})


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    torch.manual_seed(SEED)
    mixed()
    folders()
