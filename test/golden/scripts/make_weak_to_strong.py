"""Golden values and gradients of the weak-to-strong objective, and its schedules: test/golden/weak-to-strong.json.

`losses`: as in losses.json, `input` as `limbeck loss` reads it and `expected` as it writes it, computed in float64 the way Burns
et al. 2023 (arXiv:2312.09390, §4.3.2) write it: one cross-entropy with the mixed target (1 − a) · weak + a · hardened, the hardened
predictions held constant. limbeck's objective is the weighted sum of two terms. Weak labels are soft or one-hot at their argmax.

`hardened`: for two classes what a batch of predictions is hardened to by the published code's threshold, with the whole loss and its
gradient in the logits; `counts` says how many rows the threshold gives each class.

`ramps`: the confidence term's share at every step of a run, as the published code computes it and as the paper describes it.
"""

import torch
from torch.nn.functional import cross_entropy, one_hot

from golden import write_golden

SEED = 20251128
WIDTH = 6
generator = torch.Generator().manual_seed(SEED)


def random_logits(rows):
    """Four decimals, so that the input file holds them exactly."""
    return [[round(x, 4) for x in row] for row in (2 * torch.randn(rows, WIDTH, generator=generator)).tolist()]


def table(rows):
    return torch.tensor(rows, dtype=torch.float64)


losses = []


def add(name, rows, *, labels, confidence, weak_weight=1.0, hard_weight=None, mask=None):
    weak, student = random_logits(rows), random_logits(rows)
    targets = torch.randint(WIDTH, (rows,), generator=generator)
    logits = table(student).requires_grad_()
    weak_probabilities = table(weak).softmax(-1)
    weak_labels = weak_probabilities if labels == "soft" else one_hot(weak_probabilities.argmax(-1), WIDTH).double()
    hardened = one_hot(logits.detach().argmax(-1), WIDTH).double()
    counted = table([mask or [1] * rows])[0]
    mean = lambda values: (values * counted).sum() / counted.sum()
    # The published form: one cross-entropy with the mixed target.
    mixed = cross_entropy(logits, (1 - confidence) * weak_labels + confidence * hardened, reduction="none")
    per_row = weak_weight * mixed
    if hard_weight is not None:
        per_row = per_row + hard_weight * cross_entropy(logits, targets, reduction="none")
    (gradient,) = torch.autograd.grad(mean(per_row), logits)
    objective = {
        "soft": {
            "divergence": "cross-entropy" if labels == "soft" else "hard-labels",
            "weight": weak_weight * (1 - confidence),
        },
        **({} if hard_weight is None else {"hard": {"weight": hard_weight}}),
        "confidence": {"kind": "confidence", "weight": weak_weight * confidence},
    }
    terms = {
        "soft": mean(cross_entropy(logits, weak_labels, reduction="none")),
        **({} if hard_weight is None else {"hard": mean(cross_entropy(logits, targets, reduction="none"))}),
        "confidence": mean(cross_entropy(logits, hardened, reduction="none")),
    }
    losses.append(
        {
            "name": name,
            "input": {
                "teacher": {"logits": weak},
                "student": {"logits": student},
                "targetIds": targets.tolist(),
                **({} if mask is None else {"responseMask": mask}),
                "objective": objective,
            },
            "expected": {
                "value": mean(per_row).item(),
                "terms": {term: value.item() for term, value in terms.items()},
                "rows": (per_row * counted + 0.0).tolist(),
                "gradient": (gradient + 0.0).tolist(),
            },
        }
    )


for labels in ["soft", "hard"]:
    for confidence in [0.0, 0.25, 0.5, 1.0]:
        add(f"{labels} weak labels, confidence {confidence}", 5, labels=labels, confidence=confidence)
    add(f"{labels} weak labels, half confidence, ground truth, a masked row", 5, labels=labels, confidence=0.5, weak_weight=0.7, hard_weight=1.0, mask=[1, 0, 1, 1, 1])


hardened = []
for rows in [2, 5, 8, 16, 33]:
    for bias in [-1.5, 0.0, 1.0]:
        weak_logits = 2 * torch.randn(rows, 2, generator=generator)
        weak_logits[:, 1] += bias
        weak = [[round(x, 4) for x in row] for row in weak_logits.tolist()]
        student = [[round(x, 4) for x in row] for row in (2 * torch.randn(rows, 2, generator=generator)).tolist()]
        labels = table(weak).softmax(-1)
        logits = table(student).requires_grad_()
        predictions = logits.softmax(-1)
        # weak_to_strong/loss.py of the published code, `logconf_loss_fn`.
        threshold = torch.quantile(predictions[:, 0].detach(), labels.mean(0)[1])
        is_first = predictions[:, 0].detach() >= threshold
        strong = torch.stack([is_first, ~is_first], dim=1).double()
        loss = cross_entropy(logits, 0.5 * labels + 0.5 * strong, reduction="none").mean()
        (gradient,) = torch.autograd.grad(loss, logits)
        hardened.append(
            {
                "weak": weak,
                "student": student,
                "labels": strong.argmax(-1).tolist(),
                "counts": strong.sum(0).long().tolist(),
                "shares": labels.mean(0).tolist(),
                "loss": loss.item(),
                "gradient": gradient.tolist(),
            }
        )


def published_coefficient(step_fraction, warmup_fraction, auxiliary):
    """weak_to_strong/loss.py of the published code, `logconf_loss_fn`: the ramp reaches the warm-up's share, then jumps."""
    return (1.0 if step_fraction > warmup_fraction else step_fraction) * auxiliary


def corrected_coefficient(step_fraction, warmup_fraction, auxiliary):
    """As the paper describes it: from 0 to its largest value over the warm-up."""
    return min(1.0, step_fraction / warmup_fraction) * auxiliary


STEPS = 20
ramps = [
    {
        "warmupFraction": warmup,
        "weight": auxiliary,
        "steps": STEPS,
        "published": [published_coefficient(step / STEPS, warmup, auxiliary) for step in range(1, STEPS + 1)],
        "corrected": [corrected_coefficient(step / STEPS, warmup, auxiliary) for step in range(1, STEPS + 1)],
    }
    for warmup, auxiliary in [(0.1, 0.5), (0.2, 0.75), (1.0, 1.0)]
]

write_golden(
    "weak-to-strong.json",
    "make_weak_to_strong.py",
    SEED,
    "The weak-to-strong objective on hand-sized distributions, hardened predictions, and the confidence term's warm-up over a run.",
    {"losses": losses, "hardened": hardened, "ramps": ramps},
)
