"""Golden values and gradients of sparse teachers by what stands for their tail: test/golden/tails.json.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_tails.py

With K the kept ids, p and q over the whole vocabulary at temperature τ, P and Q their sums over K, row by row:
  bucket       Σ_K p log(p/q) + (1−P) log((1−P)/(1−Q))
  drop         Σ_K p log(p/q)
  renormalize  Σ_K (p/P) log((p/P)/q)
  sampled      Σ_K r p log(p/q),  r the importance of an id
and the same with −log q in the place of log(p/q) for cross-entropy; times τ². value: the mean over rows; gradient: of the value, by
the student's logits. Each case is `input`, as `limbeck loss` reads it, and `expected`, as it writes it.
"""

import torch

from golden import GOLDEN, write_golden

SEED = 20250303
ROWS, WIDTH, KEPT = 3, 8, 4
generator = torch.Generator().manual_seed(SEED)


def logits():
    return [[round(x, 4) for x in row] for row in (2 * torch.randn(ROWS, WIDTH, generator=generator)).tolist()]


def case(tail, divergence, temperature):
    teacher = torch.tensor(logits(), dtype=torch.float64)
    student = torch.tensor(logits(), dtype=torch.float64, requires_grad=True)
    ids = torch.stack([torch.randperm(WIDTH, generator=generator)[:KEPT] for _ in range(ROWS)])
    importance = (3 * torch.rand(ROWS, KEPT, generator=generator, dtype=torch.float64)).round(decimals=3)
    p = torch.softmax(teacher / temperature, -1)
    q = torch.softmax(student / temperature, -1)
    kept_p, kept_q = p.gather(-1, ids), q.gather(-1, ids)
    if tail == "bucket":
        kept_p = torch.cat([kept_p, 1 - kept_p.sum(-1, keepdim=True)], -1)
        kept_q = torch.cat([kept_q, 1 - kept_q.sum(-1, keepdim=True)], -1)
    if tail == "renormalize":
        kept_p = kept_p / kept_p.sum(-1, keepdim=True)
    weight = importance if tail == "sampled" else torch.ones_like(kept_p)
    compared = kept_p.log() - kept_q.log() if divergence == "forward-kl" else -kept_q.log()
    rows = temperature**2 * (weight * kept_p * compared).sum(-1)
    value = rows.mean()
    value.backward()
    top_k = {
        "ids": ids.tolist(),
        "logProbs": torch.log_softmax(teacher, -1).gather(-1, ids).tolist(),
        "tail": tail,
        "logNormalizers": {
            str(temperature): (torch.logsumexp(teacher / temperature, -1) - torch.logsumexp(teacher, -1) / temperature).tolist()
        },
    }
    if tail == "sampled":
        top_k["importance"] = importance.tolist()
    return {
        "name": f"{divergence}, tail {tail}, temperature {temperature}",
        "input": {
            "teacher": {"topK": top_k},
            "student": {"logits": student.detach().tolist()},
            "objective": {"soft": {"divergence": divergence, "temperature": temperature}},
        },
        "expected": {"value": value.item(), "rows": rows.tolist(), "gradient": student.grad.tolist()},
    }


cases = [
    case(tail, divergence, temperature)
    for tail in ["bucket", "drop", "renormalize", "sampled"]
    for divergence in ["forward-kl", "cross-entropy"]
    for temperature in [1, 2, 4, 0.5]
]
write_golden(
    GOLDEN / "tails.json",
    "make_tails.py",
    SEED,
    "Sparse teachers by what stands for their tail: inputs of `limbeck loss` and what it writes.",
    {"cases": cases},
)
