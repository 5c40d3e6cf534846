"""Golden values and gradients of objectives whose rows count more or less than others: test/golden/weighted.json.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_weighted.py

With w the weight of a row, 0 where it is masked, every term and the value are Σ w · row / Σ w; the rows are τ² KL(p_τ ‖ q_τ) and the
cross-entropy. Where weights are those of the targets' classes, the cross-entropy is PyTorch's own `weight=`. Each case is `input`, as
`limbeck loss` reads it, and `expected`, as it writes it; gradients come from torch.autograd.
"""

import torch
from torch.nn import functional as F

from golden import GOLDEN, write_golden

SEED = 20250505
ROWS, WIDTH = 5, 6
generator = torch.Generator().manual_seed(SEED)


def table():
    return [[round(x, 4) for x in row] for row in (2 * torch.randn(ROWS, WIDTH, generator=generator)).tolist()]


def case(name, weights, temperature, mask=None, class_weights=None):
    teacher = torch.tensor(table(), dtype=torch.float64)
    student = torch.tensor(table(), dtype=torch.float64, requires_grad=True)
    targets = torch.randint(WIDTH, (ROWS,), generator=generator)
    if class_weights is not None:
        weights = [class_weights[target] for target in targets.tolist()]
    w = torch.tensor(weights, dtype=torch.float64) * torch.tensor(mask or [1] * ROWS, dtype=torch.float64)
    p = torch.softmax(teacher / temperature, -1)
    kl = F.kl_div(torch.log_softmax(student / temperature, -1), p, reduction="none").sum(-1)
    soft_rows = temperature**2 * kl
    hard_rows = F.cross_entropy(student, targets, reduction="none")
    total = w.sum() if w.sum() > 0 else torch.ones(())
    soft, hard = (w * soft_rows).sum() / total, (w * hard_rows).sum() / total
    if class_weights is not None:
        hard = F.cross_entropy(student, targets, weight=torch.tensor(class_weights, dtype=torch.float64))
    value = 0.7 * soft + 0.3 * hard
    value.backward()
    shown = torch.tensor(mask or [1] * ROWS, dtype=torch.float64)
    return {
        "name": name,
        "input": {
            "teacher": {"logits": teacher.tolist()},
            "student": {"logits": student.detach().tolist()},
            "targetIds": targets.tolist(),
            "rowWeights": weights,
            **({"responseMask": mask} if mask else {}),
            "objective": {"soft": {"weight": 0.7, "temperature": temperature}, "hard": {"weight": 0.3}},
        },
        "expected": {
            "value": value.item(),
            "terms": {"soft": soft.item(), "hard": hard.item()},
            "rows": (shown * (0.7 * soft_rows + 0.3 * hard_rows)).tolist(),
            "gradient": student.grad.tolist(),
        },
    }


cases = [
    case("unequal weights", [1, 0.25, 3, 0.5, 2], 1),
    case("unequal weights at temperature 2", [0.1, 7, 1, 1, 0.3], 2),
    case("weights of 1", [1, 1, 1, 1, 1], 4),
    case("a weight of 0", [1, 0, 2, 1, 1], 2),
    case("weights beside a mask", [5, 1, 2, 3, 0.5], 2, mask=[0, 1, 1, 0, 1]),
    case("no weight at all: 0, not NaN", [0, 0, 0, 0, 0], 1),
    case("weights of the targets' classes", None, 2, class_weights=[1, 2, 0.5, 3, 1, 0.25]),
]
write_golden(
    GOLDEN / "weighted.json",
    "make_weighted.py",
    SEED,
    "Objectives with weights of rows: inputs of `limbeck loss` and what it writes.",
    {"cases": cases},
)
