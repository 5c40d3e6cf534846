"""Students cut from a teacher, how much its parts do, and low-rank adapters by PEFT: test/golden/students/ and students.json.

    /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_students.py

The teacher is a Qwen3 with grouped heads, biases, query/key norms and windows in every second layer. It is cut here by index
selection on transformers' own modules, its importance is read by forward hooks, and the adapters are PEFT's own, saved by PEFT.
All numbers are computed in float64 from the float32 weights as saved.
"""

import shutil

import peft
import torch
from transformers import AutoModelForCausalLM, Qwen3Config

from golden import GOLDEN, float64_everywhere, load_model, randomize, run, to_double, write_golden

SEED = 20250620
FOLDER = GOLDEN / "students"
LAYERS, HEADS, KEY_VALUE_HEADS, HEAD_DIM, FEED_FORWARD = 4, 6, 3, 8, 24
SHAPE = dict(
    hidden_size=32, intermediate_size=FEED_FORWARD, num_hidden_layers=LAYERS, num_attention_heads=HEADS, vocab_size=96,
    num_key_value_heads=KEY_VALUE_HEADS, head_dim=HEAD_DIM, max_position_embeddings=128, rms_norm_eps=1e-6, rope_theta=1e4,
    tie_word_embeddings=True, attention_bias=True, use_sliding_window=True, sliding_window=8, bos_token_id=1, eos_token_id=2,
    layer_types=["full_attention", "sliding_attention", "full_attention", "sliding_attention"],
)  # fmt: skip
# What the smaller models keep of the teacher.
KEPT_LAYERS, NEURONS, GROUPS = [0, 2, 3], 14, 2
RANK, ALPHA, TARGETS = 3, 5, ["q_proj", "v_proj", "down_proj"]


def next_token_log_probs(log_probs, ids):
    return log_probs[:, :-1].gather(-1, ids[:, 1:, None]).squeeze(-1)


def save(model, folder):
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "README.md").unlink(missing_ok=True)
    for file in folder.iterdir():
        file.chmod(0o644)


def measure(model, ids):
    """Per layer: 1 - mean cosine of input and output; mean |x| into down_proj; mean norm of each group's part of what o_proj reads."""
    seen = {}

    def keep(name):
        return lambda module, inputs, *_: seen.__setitem__(name, inputs[0])

    handles = []
    for i, layer in enumerate(model.model.layers):
        handles.append(layer.mlp.down_proj.register_forward_pre_hook(keep(("neurons", i))))
        handles.append(layer.self_attn.o_proj.register_forward_pre_hook(keep(("heads", i))))
        handles.append(layer.register_forward_hook(lambda _, inputs, output, i=i: seen.update({("in", i): inputs[0], ("out", i): output})))
    run(model, ids)
    for handle in handles:
        handle.remove()
    result = []
    for i in range(LAYERS):
        output = seen["out", i][0] if isinstance(seen["out", i], tuple) else seen["out", i]
        groups = seen["heads", i].flatten(0, 1).unflatten(-1, (KEY_VALUE_HEADS, -1))
        result.append({
            "influence": 1 - torch.cosine_similarity(seen["in", i], output, dim=-1).mean().item(),
            "neurons": seen["neurons", i].abs().flatten(0, 1).mean(0).tolist(),
            "keyValueHeads": groups.norm(dim=-1).mean(0).tolist(),
        })  # fmt: skip
    return result


def largest(values, count):
    return sorted(torch.tensor(values).topk(count).indices.tolist())


def cut(model, importance):
    """The kept layers with their most important neurons and groups, as a model of its own."""
    config = Qwen3Config(**{
        **SHAPE, "num_hidden_layers": len(KEPT_LAYERS), "intermediate_size": NEURONS, "num_key_value_heads": GROUPS,
        "num_attention_heads": GROUPS * HEADS // KEY_VALUE_HEADS,
        "layer_types": [SHAPE["layer_types"][layer] for layer in KEPT_LAYERS],
    })  # fmt: skip
    config._attn_implementation = "eager"
    small = AutoModelForCausalLM.from_config(config).double()
    small.model.embed_tokens.load_state_dict(model.model.embed_tokens.state_dict())
    small.model.norm.load_state_dict(model.model.norm.state_dict())
    parts = []
    for target, layer in zip(small.model.layers, KEPT_LAYERS):
        neurons = largest(importance[layer]["neurons"], NEURONS)
        groups = largest(importance[layer]["keyValueHeads"], GROUPS)
        parts.append({"layer": layer, "neurons": neurons, "keyValueHeads": groups})
        state = model.model.layers[layer].state_dict()
        keys = torch.cat([torch.arange(HEAD_DIM) + group * HEAD_DIM for group in groups])
        width = HEADS // KEY_VALUE_HEADS * HEAD_DIM
        queries = torch.cat([torch.arange(width) + group * width for group in groups])
        for name in list(state):
            if "q_proj" in name:
                state[name] = state[name][queries]
            elif "k_proj" in name or "v_proj" in name:
                state[name] = state[name][keys]
            elif name.endswith("o_proj.weight"):
                state[name] = state[name][:, queries]
            elif "gate_proj" in name or "up_proj" in name:
                state[name] = state[name][neurons]
            elif "down_proj" in name:
                state[name] = state[name][:, neurons]
        target.load_state_dict(state)
    return to_double(small.eval()), parts


def add_adapter():
    """PEFT's adapters with a B that is not 0, saved by PEFT; their model in float64."""
    base = load_model(FOLDER / "teacher", double=False)
    config = peft.LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS, task_type="CAUSAL_LM")
    model = peft.get_peft_model(base, config)
    generator = torch.Generator().manual_seed(SEED + 2)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    model.peft_config["default"].base_model_name_or_path = "../teacher"
    save(model, FOLDER / "adapter")
    opened = peft.PeftModel.from_pretrained(load_model(FOLDER / "teacher", double=False), FOLDER / "adapter")
    return opened


def peft_log_probs(model, ids):
    with float64_everywhere():
        to_double(model.base_model.model)
        return torch.log_softmax(model(input_ids=ids, use_cache=False).logits, dim=-1)


with torch.no_grad():
    config = Qwen3Config(**SHAPE)
    config._attn_implementation = "eager"
    save(randomize(AutoModelForCausalLM.from_config(config), SEED), FOLDER / "teacher")
    teacher = load_model(FOLDER / "teacher")
    ids = torch.randint(96, (2, 40), generator=torch.Generator().manual_seed(SEED + 1))
    importance = measure(teacher, ids)
    student, parts = cut(teacher, importance)
    base_log_probs, adapted_log_probs = run(teacher, ids)[1], peft_log_probs(add_adapter(), ids)
    assert (adapted_log_probs - base_log_probs).abs().max() > 0.1
    write_golden(
        "students.json",
        "make_students.py",
        SEED,
        "What parts of the model in students/teacher do on `inputIds`; log-probs of the smaller model that keeps `parts`; "
        "log-probs of students/teacher with PEFT's adapters in students/adapter.",
        {
            "inputIds": ids.tolist(),
            "importance": importance,
            "parts": parts,
            "studentLogProbs": next_token_log_probs(run(student, ids)[1], ids).tolist(),
            "adapterLogProbs": next_token_log_probs(adapted_log_probs, ids).tolist(),
        },
        peft=peft.__version__,
    )
