"""Reading a prompt and decoding greedily with transformers, timed: what bench/generate.mjs compares limbeck with.

    python3 -m venv /tmp/dense && /tmp/dense/bin/pip install -r bench/peers/requirements-dense.txt
    /tmp/dense/bin/python bench/peers/generate_transformers.py --steps 3

A random model of SmolLM2-135M's shape in float32 reads a prompt, its head at the last position only, and decodes with its
key/value cache. The loop calls the model itself: the peer is spared what `generate` adds per token.

Prints a JSON line per step. With --serve: a line {"ready": true} first, then for every line `step` on standard input one step.
"""

import argparse
import json
import os
import resource
import sys
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--prompt", type=int, default=256, help="tokens of the prompt")
parser.add_argument("--tokens", type=int, default=48, help="tokens generated")
parser.add_argument("--serve", action="store_true", help="run a step for every line `step` on standard input")
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(options.threads)

import torch  # noqa: E402 (reads OMP_NUM_THREADS)
import transformers  # noqa: E402

torch.set_num_threads(options.threads)
torch.manual_seed(0)
config = transformers.LlamaConfig(
    num_hidden_layers=30, hidden_size=576, num_attention_heads=9, num_key_value_heads=3, intermediate_size=1_536,
    vocab_size=49_152, tie_word_embeddings=True, max_position_embeddings=8_192, rope_theta=100_000.0,
)  # fmt: skip
model = transformers.LlamaForCausalLM(config).eval()
prompt = (torch.arange(options.prompt) * 7919 % 49_152)[None]


@torch.inference_mode()
def step():
    started = time.perf_counter()
    output = model(input_ids=prompt, use_cache=True, logits_to_keep=1)
    ids = output.logits[:, -1].argmax(-1, keepdim=True)
    first_at = time.perf_counter()
    for _ in range(options.tokens - 1):
        output = model(input_ids=ids, past_key_values=output.past_key_values, use_cache=True)
        ids = output.logits[:, -1].argmax(-1, keepdim=True)
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"promptSeconds": first_at - started, "decodeSeconds": (ended - first_at) / (options.tokens - 1), "peakBytes": peak}


if options.serve:
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        if line.strip() != "step":
            sys.exit(f"generate_transformers.py: expected `step`, got {line.strip()!r}")
        print(json.dumps(step()), flush=True)
else:
    for _ in range(options.steps):
        print(json.dumps(step()))
