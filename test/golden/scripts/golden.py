"""What the golden scripts share: the header of every JSON file, and PyTorch models that really compute in float64."""

import contextlib
import datetime
import json
import pathlib
import platform

import torch
import transformers

GOLDEN = pathlib.Path(__file__).resolve().parent.parent


def write_golden(path, script, seed, description, body, **meta):
    """Writes `{"_meta": …, **body}`: one line per key, and one line per element of a list of objects.

    Numbers are Python's shortest decimals that read back as the same float64 (at most 17 significant digits).
    """
    header = {
        "description": description,
        "script": f"test/golden/scripts/{script}",
        "tool": "PyTorch and transformers, float64",
        "versions": {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "python": platform.python_version(),
        },
        "seed": seed,
        "date": datetime.date.today().isoformat(),
        **meta,
    }

    def line(value):
        return json.dumps(value, allow_nan=False, separators=(", ", ": "))

    def block(value):
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "[\n" + ",\n".join("    " + line(element) for element in value) + "\n  ]"
        return line(value)

    path = GOLDEN / path
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = {"_meta": header, **body}
    path.write_text("{\n" + ",\n".join(f"  {line(key)}: {block(value)}" for key, value in keys.items()) + "\n}\n")
    print(f"{path.relative_to(GOLDEN)}: {path.stat().st_size:,} bytes")


@contextlib.contextmanager
def float64_everywhere():
    """transformers computes norms, attention's softmax and rotary angles in `torch.float32` whatever the model's dtype.

    Inside this context that name means float64, so that a `.double()` model has no float32 step left.
    """
    saved = torch.float32, torch.float, torch.Tensor.float
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = saved


def load_model(folder, double=True):
    """The model of a Hugging Face folder with eager attention, in float64 (to be run in `float64_everywhere`) or float32."""
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    return to_double(model) if double else model


def to_double(model):
    """Converts weights exactly, and computes the rotary frequencies anew (stored ones were rounded to float32)."""
    model = model.double()
    with float64_everywhere():
        model.model.rotary_emb = type(model.model.rotary_emb)(model.config)
    assert model.model.rotary_emb.inv_freq.dtype == torch.float64
    return model


def run(model, ids):
    """Final hidden states (after the final norm) and log-probs, `[sequences, tokens, …]`."""
    double = next(model.parameters()).dtype == torch.float64
    with float64_everywhere() if double else contextlib.nullcontext():
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden)
        assert logits.dtype == next(model.parameters()).dtype
        return hidden, torch.log_softmax(logits, dim=-1)


def randomize(model, seed, spread=0.4):
    """Random weights that make every part of the model matter: sharp attention, uneven norms, non-zero biases, spread logits."""
    generator = torch.Generator().manual_seed(seed)

    def normal(parameter, scale, mean=0.0):
        parameter.copy_(mean + scale * torch.randn(parameter.shape, generator=generator))

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("norm.weight"):
                normal(parameter, 0.3, mean=1.0)
            elif name.endswith(".bias"):
                normal(parameter, 0.3)
            elif name in ("model.embed_tokens.weight", "lm_head.weight"):
                normal(parameter, spread)
            else:
                sharpness = 1.4 if ("q_proj" in name or "k_proj" in name) else 1.0
                normal(parameter, sharpness / parameter.shape[1] ** 0.5)
    return model
