"""Twelve optimizer steps of distillation: test/golden/training.json, training/rows.jsonl and the models in training/.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_training.py

Rows are `{tokenIds, responseMask?}` of 32 tokens, taken in file order, without shuffling, four rows to a step; an epoch's
last step takes what is left. Without `responseMask` all tokens but the first are learned; token i is scored at position i − 1.

One step: loss = Σ over terms of weight · term, a term being a mean over all learned tokens of the step (one denominator,
however the rows are split into micro-batches). soft is KL(teacher ‖ student) at temperature τ times τ², hard the negative
log-likelihood at τ = 1. Gradients are clipped by their global L2 norm (each distinct tensor once) as
torch.nn.utils.clip_grad_norm_ does, then torch.optim.AdamW steps. Decay, where there is any, leaves out norms, biases and
embeddings (a tied head is an embedding; an untied head is decayed); it is far too strong, so that a mistake shows in the loss.

Learning rate of step s of S (s from 1, W warm-up steps, f from the schedule): lr · s/W for s ≤ W, else lr · f(r) with
r = (s − 1 − W)/(S − W); constant f = 1, linear f = 1 − r, cosine f = (1 + cos πr)/2. So the last step's rate is above 0.

Everything in float64; the same run in float32 must agree in loss and gradient norm to 1e-4, relative.
"""

import json
import math
import shutil

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

from golden import GOLDEN, load_model, randomize, run, write_golden

SEED = 20250103
ROWS, TOKENS, VOCABULARY, ROWS_PER_STEP = 24, 32, 96, 4
FOLDER = GOLDEN / "training"
SHAPE = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=48,
    vocab_size=VOCABULARY, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False,
)  # fmt: skip
CONFIGS = {
    "teacher": LlamaConfig(**{**SHAPE, "hidden_size": 48, "intermediate_size": 64}),
    "student-llama": LlamaConfig(**SHAPE),
    "student-qwen2": Qwen2Config(**SHAPE),
    "student-qwen3-tied": Qwen3Config(**{**SHAPE, "head_dim": 8, "tie_word_embeddings": True}),
}
DISTIL = {
    "soft": {"weight": 0.8, "divergence": "forward-kl", "temperature": 2, "scaleByTemperatureSquared": True},
    "hard": {"weight": 0.2},
}
TRAINING = {
    "epochs": 2, "tokensPerStep": ROWS_PER_STEP * TOKENS, "learningRate": 1e-3, "schedule": "constant", "warmupSteps": 0,
    "weightDecay": 0, "betas": [0.9, 0.95], "epsilon": 1e-8, "clipNorm": 1.0,
}  # fmt: skip
RUNS = {
    "llama": dict(student="student-llama"),
    "qwen3 with tied embeddings": dict(student="student-qwen3-tied"),
    "qwen2 with weight decay": dict(student="student-qwen2", training={"weightDecay": 5}),
    "tied embeddings with weight decay": dict(student="student-qwen3-tied", training={"weightDecay": 5}),
    "warm-up and cosine": dict(student="student-llama", training={"schedule": "cosine", "warmupSteps": 3}),
    "warm-up and linear": dict(student="student-llama", training={"schedule": "linear", "warmupSteps": 3}),
    "hard only, without a teacher": dict(student="student-llama", objective={"hard": {"weight": 1}}),
    "reverse KL, never clipped": dict(
        student="student-llama",
        objective={"soft": {"weight": 1, "divergence": "reverse-kl", "temperature": 1, "scaleByTemperatureSquared": True}},
        training={"clipNorm": None},
    ),
    "an epoch's last step has two rows": dict(student="student-llama", rows=22),
}


def make_rows():
    """Random tokens; every other row with a mask (a response at the end, or two turns), so that steps and rows differ in length."""
    generator = torch.Generator().manual_seed(SEED)
    draw = lambda low, high: torch.randint(low, high, (), generator=generator).item()
    rows = []
    for index in range(ROWS):
        row = {"tokenIds": torch.randint(3, VOCABULARY, (TOKENS,), generator=generator).tolist()}
        if index % 2 == 1 or index in (8, 10):
            mask = [0] * TOKENS
            start = draw(8, 30)
            mask[start:] = [1] * (TOKENS - start)
            if index % 4 == 3:
                mask[2:6] = [1] * 4
            row["responseMask"] = mask
        rows.append(row)
    return rows


def learning_rate(step, steps, options):
    peak, warmup = options["learningRate"], options["warmupSteps"]
    if step <= warmup:
        return peak * step / warmup
    ratio = (step - 1 - warmup) / (steps - warmup)
    return peak * {"constant": 1, "linear": 1 - ratio, "cosine": 0.5 * (1 + math.cos(math.pi * ratio))}[options["schedule"]]


def optimizer(model, options):
    decays = lambda name, parameter: parameter.dim() > 1 and name != "model.embed_tokens.weight"
    groups = {True: [], False: []}
    for name, parameter in model.named_parameters():
        groups[decays(name, parameter)].append(parameter)
    return torch.optim.AdamW(
        [
            {"params": groups[True], "weight_decay": options["weightDecay"]},
            {"params": groups[False], "weight_decay": 0.0},
        ],
        betas=tuple(options["betas"]),
        eps=options["epsilon"],
    )


def term_rows(name, term, teacher, student, targets):
    if name == "hard":
        return -student.log_softmax(-1).gather(-1, targets[:, None]).squeeze(-1)
    temperature = term["temperature"]
    log_p, log_q = ((logits / temperature).log_softmax(-1) for logits in (teacher, student))
    if term["divergence"] == "reverse-kl":
        log_p, log_q = log_q, log_p
    return temperature**2 * (log_p.exp() * (log_p - log_q)).sum(-1)


def train(student, rows, objective, options, double=True):
    model, teacher = load_model(FOLDER / student, double).train(), load_model(FOLDER / "teacher", double)
    adamw = optimizer(model, options)
    per_epoch = math.ceil(len(rows) / ROWS_PER_STEP)
    steps, metrics, first_gradients = options["epochs"] * per_epoch, [], None
    for step in range(1, steps + 1):
        start = (step - 1) % per_epoch * ROWS_PER_STEP
        batch = rows[start : start + ROWS_PER_STEP]
        ids = torch.tensor([row["tokenIds"] for row in batch])
        learned = torch.tensor([row.get("responseMask", [0] + [1] * (TOKENS - 1)) for row in batch])[:, 1:] == 1
        with torch.no_grad():
            _, teacher_log_probs = run(teacher, ids)
        _, student_log_probs = run(model, ids)  # log-probs are logits but for a constant
        scored = [tensor[:, :-1][learned] for tensor in (teacher_log_probs, student_log_probs)]
        means = {name: term_rows(name, term, *scored, ids[:, 1:][learned]).mean() for name, term in objective.items()}
        loss = sum(objective[name]["weight"] * mean for name, mean in means.items())

        adamw.zero_grad()
        loss.backward()
        first_gradients = first_gradients or {name: p.grad.norm().item() for name, p in model.named_parameters()}
        clip = options["clipNorm"] or math.inf
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        rate = learning_rate(step, steps, options)
        for group in adamw.param_groups:
            group["lr"] = rate
        adamw.step()
        metrics.append(
            {
                "step": step,
                "loss": loss.item(),
                "terms": {name: mean.item() for name, mean in means.items()},
                "gradientNorm": norm.item(),
                "learningRate": rate,
                "learnedTokens": int(learned.sum()),
                "inputTokens": ids.numel(),
            }
        )
    return model, metrics, first_gradients


def summary(model):
    """Of every tensor after the last step: L2 norm, sum and first three values."""
    return {
        name: {"norm": p.norm().item(), "sum": p.sum().item(), "first": p.flatten()[:3].tolist()}
        for name, p in model.named_parameters()
    }


FOLDER.mkdir(exist_ok=True)
for index, (name, config) in enumerate(CONFIGS.items()):
    shutil.rmtree(FOLDER / name, ignore_errors=True)
    config._attn_implementation = "eager"
    randomize(AutoModelForCausalLM.from_config(config), SEED + index).save_pretrained(FOLDER / name)
    (FOLDER / name / "generation_config.json").unlink()
    (FOLDER / name / "model.safetensors").chmod(0o644)
all_rows = make_rows()
(FOLDER / "rows.jsonl").write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in all_rows))

runs = []
for name, changes in RUNS.items():
    rows = all_rows[: changes.get("rows", ROWS)]
    objective, options = changes.get("objective", DISTIL), {**TRAINING, **changes.get("training", {})}
    model, metrics, first_gradients = train(changes["student"], rows, objective, options)
    _, single, _ = train(changes["student"], rows, objective, options, double=False)
    difference = max(abs(a[key] / b[key] - 1) for a, b in zip(single, metrics) for key in ("loss", "gradientNorm"))
    assert difference < 1e-4, (name, difference)
    print(name, [round(m["loss"], 3) for m in metrics], [round(m["gradientNorm"], 2) for m in metrics], difference)
    runs.append(
        {
            "name": name,
            "student": f"training/{changes['student']}",
            "teacher": "training/teacher" if "soft" in objective else None,
            "rows": len(rows),
            "objective": objective,
            "training": options,
            "steps": metrics,
            "firstGradientNorms": first_gradients,
            "finalWeights": summary(model),
            "float32MaxRelativeDifference": difference,
        }
    )

write_golden(
    "training.json",
    "make_training.py",
    SEED,
    "Loss, terms and gradient norm (before clipping) of every step before its update, the L2 norm of each tensor's "
    "gradient in step 1 before clipping, and the weights after the last step. `rows` is how many "
    "rows of training/rows.jsonl the run reads, in file order. Definitions are in the script's header.",
    {"runs": runs},
)
