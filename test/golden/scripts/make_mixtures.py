"""Golden values and gradients of objectives under several teachers at once: test/golden/mixtures.json.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_mixtures.py

The teacher is p = Σ share · softmax(logits) over its members; a temperature τ softens the mixture, p^(1/τ) normalized. Each case is
`input`, as `limbeck loss` reads it, and `expected`, as it writes it; gradients come from torch.autograd.
"""

import torch

from golden import GOLDEN, write_golden

SEED = 20261128
ROWS, WIDTH = 4, 7
generator = torch.Generator().manual_seed(SEED)


def table(width=WIDTH):
    return [[round(x, 4) for x in row] for row in (3 * torch.randn(ROWS, width, generator=generator)).tolist()]


def divergence(name, p, q):
    """Of each row, both `[rows, width]`."""
    if name == "forward-kl":
        return (p * (p.log() - q.log())).sum(-1)
    if name == "reverse-kl":
        return (q * (q.log() - p.log())).sum(-1)
    m = 0.5 * (p + q)
    return 0.5 * (p * (p.log() - m.log())).sum(-1) + 0.5 * (q * (q.log() - m.log())).sum(-1)


def case(name, weights, kind, temperature, widths=None, as_probabilities=False):
    widths = widths or [WIDTH] * len(weights)
    members = [torch.tensor(table(width), dtype=torch.float64) for width in widths]
    student = torch.tensor(table(), dtype=torch.float64, requires_grad=True)
    width = min(*widths, WIDTH)
    total = sum(weights)
    mixture = sum(w / total * torch.softmax(m[:, :width], -1) for w, m in zip(weights, members))
    p = mixture ** (1 / temperature)
    p = p / p.sum(-1, keepdim=True)
    q = torch.softmax(student[:, :width] / temperature, -1)
    rows = temperature**2 * divergence(kind, p, q)
    value = rows.mean()
    value.backward()
    said = [
        {"weight": w, **({"probabilities": torch.softmax(m, -1).tolist()} if as_probabilities else {"logits": m.tolist()})}
        for w, m in zip(weights, members)
    ]
    return {
        "name": name,
        "input": {
            "teacher": {"mixture": said},
            "student": {"logits": student.detach().tolist()},
            "objective": {"soft": {"divergence": kind, "temperature": temperature}},
        },
        "expected": {"value": value.item(), "terms": {"soft": value.item()}, "rows": rows.tolist(), "gradient": student.grad.tolist()},
    }


cases = [
    case("one teacher alone", [1], "forward-kl", 1),
    case("two that count alike", [1, 1], "forward-kl", 1),
    case("three of other weights", [0.2, 3, 0.5], "forward-kl", 1),
    case("softened as a mixture", [0.7, 0.3], "forward-kl", 3),
    case("reverse", [2, 1], "reverse-kl", 2),
    case("Jensen-Shannon", [2, 1], "jsd", 1),
    case("heads of other widths", [1, 1], "forward-kl", 2, widths=[WIDTH + 2, WIDTH]),
    case("probabilities", [1, 4], "forward-kl", 1, as_probabilities=True),
]
write_golden(
    GOLDEN / "mixtures.json",
    "make_mixtures.py",
    SEED,
    "Objectives under several teachers at once: inputs of `limbeck loss` and what it writes.",
    {"cases": cases},
)
