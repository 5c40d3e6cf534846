"""Tiny random models of every supported architecture and their log-probs: test/golden/models/<name>/ and <name>.json.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_models.py

The folders are saved by transformers; the numbers are computed in float64 with eager attention from the weights as saved
(after rounding, where they are 16-bit) and agree with float32 to 1e-4. Before anything is written the script makes sure
that what distinguishes a model (its window, its rotary scaling, its biases) changes the log-probs, so that a reader who
leaves it out cannot pass.
"""

import copy
import json
import shutil

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

from golden import GOLDEN, load_model, randomize, run, to_double, write_golden

SEED = 20250102
TOKENS = 48
PROBES = [(0, 0), (0, 30), (1, 15), (1, 47)]

SHAPE = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, vocab_size=96,
    max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, use_cache=True,
)  # fmt: skip
LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}  # fmt: skip


def llama(**changes):
    return LlamaConfig(**{**SHAPE, "num_key_value_heads": 4, "tie_word_embeddings": False, **changes})


def mistral(**changes):
    return MistralConfig(**{**SHAPE, "num_key_value_heads": 2, "head_dim": 8, "sliding_window": None, "rope_theta": 1e6, **changes})


def qwen2(**changes):
    return Qwen2Config(**{**SHAPE, "num_key_value_heads": 2, "tie_word_embeddings": False, "rms_norm_eps": 1e-6, "rope_theta": 1e6, **changes})


def qwen3(**changes):
    return Qwen3Config(**{**SHAPE, "num_key_value_heads": 2, "head_dim": 16, "tie_word_embeddings": False, "rms_norm_eps": 1e-6, "rope_theta": 1e6, **changes})


# name: the config; how it is saved; edits of the saved config.json (None deletes a key); config changes that must change the log-probs.
MODELS = {
    "llama": dict(config=llama(), ablations=[{"rope_theta": 500.0}]),
    "llama-gqa-tied": dict(config=llama(num_key_value_heads=2, tie_word_embeddings=True, rope_theta=5e5, vocab_size=128)),
    "llama-one-kv-head": dict(config=llama(num_key_value_heads=1, rms_norm_eps=1e-2), ablations=[{"rms_norm_eps": 1e-5}]),
    "llama-rope-llama3": dict(
        config=llama(num_attention_heads=2, num_key_value_heads=2, rope_scaling=LLAMA3), ablations=[{"rope_scaling": None}]
    ),
    "llama-rope-linear": dict(
        config=llama(rope_scaling={"rope_type": "linear", "factor": 4.0}),
        ablations=[{"rope_scaling": None}],
        edits={"rope_scaling": {"type": "linear", "factor": 4.0}},
    ),
    "llama-head-dim": dict(config=llama(num_attention_heads=2, num_key_value_heads=1, head_dim=24)),
    "llama-biases": dict(config=llama(attention_bias=True, mlp_bias=True)),
    "llama-bfloat16": dict(config=llama(num_key_value_heads=2, tie_word_embeddings=True), dtype=torch.bfloat16),
    "llama-float16-sharded": dict(config=llama(num_key_value_heads=2), dtype=torch.float16, max_shard_size="16KB"),
    "llama-sharded": dict(config=llama(num_key_value_heads=2), max_shard_size="40KB"),
    "llama-old-config": dict(
        config=llama(),
        dtype=torch.bfloat16,
        # What older files leave out; the defaults are those of transformers (keys and values as many as heads, theta 10,000).
        edits=dict.fromkeys(
            ["num_key_value_heads", "head_dim", "rope_theta", "rope_scaling", "attention_bias", "mlp_bias", "tie_word_embeddings"]
        ),
    ),
    "mistral": dict(config=mistral(), dtype=torch.bfloat16, edits={"head_dim": None}),
    "mistral-sliding-window": dict(config=mistral(sliding_window=8), ablations=[{"sliding_window": None}, {"sliding_window": 9}]),
    "qwen2": dict(config=qwen2()),
    "qwen2-tied": dict(config=qwen2(tie_word_embeddings=True, vocab_size=128)),
    "qwen2-window-not-used": dict(
        config=qwen2(use_sliding_window=False), dtype=torch.bfloat16, edits={"sliding_window": 8, "layer_types": None}
    ),
    "qwen2-sliding-window": dict(
        config=qwen2(use_sliding_window=True, sliding_window=8, max_window_layers=1),
        ablations=[{"layer_types": ["full_attention"] * 2}, {"layer_types": ["sliding_attention"] * 2}],
        edits={"layer_types": None},
    ),
    "qwen3": dict(config=qwen3()),
    "qwen3-tied-biases": dict(config=qwen3(tie_word_embeddings=True, attention_bias=True)),
    "qwen3-sliding-window": dict(
        config=qwen3(use_sliding_window=True, sliding_window=8, max_window_layers=1),
        ablations=[{"layer_types": ["full_attention"] * 2}, {"layer_types": ["sliding_attention"] * 2}],
    ),
}


def save(model, folder, dtype, max_shard_size, edits):
    shutil.rmtree(folder, ignore_errors=True)
    model.to(dtype).save_pretrained(folder, max_shard_size=max_shard_size)
    (folder / "generation_config.json").unlink(missing_ok=True)
    for file in folder.iterdir():
        file.chmod(0o644)
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), **edits}
    path.write_text(json.dumps({key: value for key, value in config.items() if key not in edits or value is not None}, indent=2) + "\n")


def next_token_log_probs(log_probs, ids):
    return log_probs[:, :-1].gather(-1, ids[:, 1:, None]).squeeze(-1)


def make(name, config, dtype=torch.float32, max_shard_size="5GB", edits={}, ablations=[], seed=SEED):
    folder = GOLDEN / "models" / name
    config._attn_implementation = "eager"
    original = randomize(AutoModelForCausalLM.from_config(config), seed)
    save(original, folder, dtype, max_shard_size, edits)

    model = load_model(folder)
    generator = torch.Generator().manual_seed(seed + 1)
    draw = lambda *shape: torch.randint(config.vocab_size, shape, generator=generator)
    ids, documents = draw(2, TOKENS), [draw(1, length) for length in (17, 23, 1, 5)]
    hidden, log_probs = run(model, ids)

    float32_difference = (run(load_model(folder, double=False), ids)[1] - log_probs).abs().max().item()
    assert float32_difference < 1e-4, (name, float32_difference)
    spread = log_probs.std(-1).mean().item()
    assert spread > 1, (name, spread)
    for change in ablations:
        other = copy.deepcopy(model.config)
        for key, value in change.items():
            setattr(other, key, value)
        ablated = AutoModelForCausalLM.from_config(other)
        ablated.load_state_dict(model.state_dict())
        effect = (run(to_double(ablated.eval()), ids)[1] - log_probs).abs().max().item()
        assert effect > 0.05, (name, change, effect)

    write_golden(
        f"models/{name}.json",
        "make_models.py",
        seed,
        f"Log-probs of the model in models/{name}. `documents` are scored alone: packed into one sequence with attention "
        "blocked and positions reset between them they must give the same.",
        {
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "inputIds": ids.tolist(),
            "nextTokenLogProbs": next_token_log_probs(log_probs, ids).tolist(),
            "positions": [
                {"sequence": s, "position": t, "logProbs": log_probs[s, t].tolist(), "finalHidden": hidden[s, t].tolist()}
                for s, t in PROBES
            ],
            "documents": [
                {"inputIds": d[0].tolist(), "nextTokenLogProbs": next_token_log_probs(run(model, d)[1], d)[0].tolist()}
                for d in documents
            ],
        },
        float32MaxDifference=float32_difference,
    )


with torch.no_grad():
    for index, (name, options) in enumerate(MODELS.items()):
        make(name, **options, seed=SEED + 10 * index)
