"""Writes tiny classifiers and what transformers makes of them into test/golden/classifiers/: logits, and a few steps of training.

Run: python test/golden/scripts/make_classifiers.py   (torch 2.8, transformers 4.56)

    bert/ distilbert/ llama/    model folders as written by save_pretrained
    bert.json …                 logits of documents alone, and losses, gradient norms and weights of three AdamW steps on them

Everything is computed in float64. The objective of the steps: 0.5 · 2² · KL(teacher at 2 ‖ student at 2) over all documents, and
cross-entropy with the label, a mean over the labelled ones alone.
"""

import shutil

import torch
from golden import GOLDEN, float64_everywhere, write_golden
from transformers import BertConfig, DistilBertConfig, LlamaConfig
from transformers import AutoModelForSequenceClassification as Classifier

SEED = 20261128
CLASSES = ["ham", "spam", "list"]
LABELS = dict(
    id2label=dict(enumerate(CLASSES)), label2id={name: i for i, name in enumerate(CLASSES)}, problem_type="single_label_classification"
)
CONFIGS = {
    "bert": BertConfig(
        vocab_size=48, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_position_embeddings=24,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **LABELS,
    ),
    "distilbert": DistilBertConfig(
        vocab_size=48, dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=24, dropout=0.0, attention_dropout=0.0,
        seq_classif_dropout=0.0, **LABELS,
    ),
    "llama": LlamaConfig(
        vocab_size=48, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, intermediate_size=24,
        max_position_embeddings=24, pad_token_id=0, **LABELS,
    ),
}  # fmt: skip
LENGTHS = (9, 17, 3, 12)
# The third document has no label.
TARGETS = [0, 2, -1, 1]
STEPS, RATE, BETAS, EPSILON, DECAY, CLIP = 3, 1e-2, (0.9, 0.95), 1e-8, 0.1, 1.0
TEMPERATURE = 2.0


def logits_of(model, documents):
    with float64_everywhere():
        return torch.cat([model(input_ids=ids[None]).logits for ids in documents])


def is_decayed(name):
    """As limbeck: matrices, never norms, biases and embeddings."""
    return name.endswith(".weight") and not any(part in name.lower() for part in ("norm", "embed"))


def loss_of(logits, teacher):
    p, q = (torch.log_softmax(each / TEMPERATURE, -1) for each in (teacher, logits))
    soft = 0.5 * TEMPERATURE**2 * (p.exp() * (p - q)).sum(-1).mean()
    labelled = [i for i, target in enumerate(TARGETS) if target >= 0]
    hard = -torch.log_softmax(logits, -1)[labelled, [TARGETS[i] for i in labelled]]
    return soft + hard.mean()


def make(name, config, seed):
    config._attn_implementation = "eager"
    folder = GOLDEN / "classifiers" / name
    shutil.rmtree(folder, ignore_errors=True)
    original = randomize_classifier(Classifier.from_config(config), seed)
    original.save_pretrained(folder)
    for file in folder.iterdir():
        file.chmod(0o644)
    model = Classifier.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).double().eval()
    if name == "llama":
        with float64_everywhere():
            model.model.rotary_emb = type(model.model.rotary_emb)(model.config)
    generator = torch.Generator().manual_seed(seed + 1)
    documents = [torch.randint(1, config.vocab_size, (length,), generator=generator) for length in LENGTHS]
    teacher = 2 * torch.randn(len(documents), len(CLASSES), generator=generator, dtype=torch.float64)
    with torch.no_grad():
        logits = logits_of(model, documents)
    assert logits.std() > 0.3, logits
    named = [(n, p) for n, p in model.named_parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for n, p in named if is_decayed(n)], "weight_decay": DECAY},
            {"params": [p for n, p in named if not is_decayed(n)], "weight_decay": 0.0},
        ],
        lr=RATE, betas=BETAS, eps=EPSILON,
    )  # fmt: skip
    steps = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(logits_of(model, documents), teacher)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        steps.append({"loss": loss.item(), "gradientNorm": norm.item()})
    with torch.no_grad():
        after = logits_of(model, documents)
    write_golden(
        f"classifiers/{name}.json",
        "make_classifiers.py",
        seed,
        f"Logits of the classifier in classifiers/{name} for documents that are read alone, and after three steps on them.",
        {
            "classes": CLASSES,
            "documents": [{"ids": ids.tolist(), "target": target} for ids, target in zip(documents, TARGETS)],
            "teacherLogits": teacher.tolist(),
            "logits": logits.tolist(),
            "steps": steps,
            "logitsAfter": after.tolist(),
        },
    )


def randomize_classifier(model, seed):
    """Random weights that make every part of the model matter, under the names that these models give them."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            draw = torch.randn(parameter.shape, generator=generator)
            if "norm" in name.lower():
                parameter.copy_((1.0 if name.endswith("weight") else 0.0) + 0.3 * draw)
            elif name.endswith("bias"):
                parameter.copy_(0.3 * draw)
            elif "embed" in name:
                parameter.copy_(0.4 * draw)
            else:
                parameter.copy_(1.2 * draw / parameter.shape[1] ** 0.5)
    return model


for index, (name, config) in enumerate(CONFIGS.items()):
    make(name, config, SEED + 10 * index)
