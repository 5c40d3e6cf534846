"""Golden values and gradients of objectives on hand-sized distributions: test/golden/losses.json.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_losses.py

Every case holds `input`, as `limbeck loss` reads it, and `expected`, as it writes it. All in float64; gradients come from
torch.autograd and are compared with central differences before anything is written.

What is computed, with p the teacher and q the student at temperature τ (row by row, over the first min(widths) ids):
  forward-kl     Σ p log(p/q)           p = 0 contributes 0
  reverse-kl     Σ q log(q/p)
  cross-entropy  −Σ p log q
  × τ² unless scaleByTemperatureSquared is false
  hard           −log q(target) at τ = 1, over the student's whole width
Given probabilities are read as logits log p. A topK teacher of K ids has log p_τ(i) = logProbs(i)/τ − logNormalizers[τ] and
one more outcome, the tail, with probability 1 − Σ_K p_τ against the student's 1 − Σ_K q_τ (no tail when K is the vocabulary).
value: mean over unmasked rows of Σ weight · term. terms: means over unmasked rows, unweighted, τ² included.
rows: Σ weight · term, 0 where masked. gradient: ∂value/∂(student logits). With no unmasked row all of them are 0.
"""

import math

import torch

from golden import write_golden

SEED = 20250101
WIDTH = 6
generator = torch.Generator().manual_seed(SEED)
cases = []


def random_logits(rows, width=WIDTH, scale=2.0):
    """Random logits with four decimals, so that the input file holds them exactly."""
    return [[round(x, 4) for x in row] for row in (scale * torch.randn(rows, width, generator=generator)).tolist()]


def as_logits(side):
    if "logits" in side:
        return torch.tensor(side["logits"], dtype=torch.float64)
    return torch.tensor(side["probabilities"], dtype=torch.float64).log()


def x_times(x, y):
    """x · y with 0 · anything = 0, in the value and in the gradient."""
    return torch.where(x == 0, 0.0, x) * torch.where(x == 0, 0.0, y)


def log_softmax(logits):
    """log_softmax whose −∞ logits (probability 0) stay −∞ and get no gradient."""
    zero = torch.isneginf(logits)
    finite = torch.where(zero, 0.0, logits)
    top = torch.where(zero, -math.inf, finite).amax(-1, keepdim=True).detach()
    total = torch.where(zero, 0.0, (finite - top).exp()).sum(-1, keepdim=True)
    return torch.where(zero, -math.inf, finite - top - total.log())


def tail_bucket(teacher, log_q, temperature):
    """Teacher and student log-probs over the K ids, then the tail's two log-probs where there is a tail."""
    ids = torch.tensor(teacher["ids"])
    log_p = torch.tensor(teacher["logProbs"], dtype=torch.float64) / temperature
    if temperature != 1:
        log_p = log_p - torch.tensor(teacher["logNormalizers"][str(temperature)], dtype=torch.float64)[:, None]
    kept = log_q.gather(-1, ids)
    if ids.shape[-1] == log_q.shape[-1]:
        return log_p, kept
    outside = torch.ones_like(log_q, dtype=torch.bool).scatter(-1, ids, False)
    tail_p = (1 - log_p.exp().sum(-1, keepdim=True)).clamp_min(0)
    tail_q = log_q[outside].reshape(log_q.shape[0], -1).logsumexp(-1, keepdim=True)
    return torch.cat([log_p, tail_p.log()], -1), torch.cat([kept, tail_q], -1)


def soft_rows(teacher, student_logits, term):
    temperature = term.get("temperature", 1)
    if "topK" in teacher:
        log_p, log_q = tail_bucket(teacher["topK"], log_softmax(student_logits / temperature), temperature)
    else:
        teacher_logits = as_logits(teacher)
        width = min(teacher_logits.shape[-1], student_logits.shape[-1])
        log_p = log_softmax(teacher_logits[:, :width] / temperature)
        log_q = log_softmax(student_logits[:, :width] / temperature)
    p, q = log_p.exp(), log_q.exp()
    rows = {
        "forward-kl": lambda: x_times(p, log_p - log_q),
        "reverse-kl": lambda: x_times(q, log_q - log_p),
        "cross-entropy": lambda: x_times(p, -log_q),
    }[term["divergence"]]().sum(-1)
    return rows * temperature**2 if term.get("scaleByTemperatureSquared", True) else rows


def evaluate(case, student_logits):
    mask = torch.tensor(case.get("responseMask", [1] * len(student_logits)), dtype=torch.float64)
    count = max(mask.sum().item(), 1)
    rows, terms = torch.zeros(len(student_logits), dtype=torch.float64), {}
    for name, term in case["objective"].items():
        if name == "soft":
            values = soft_rows(case["teacher"], student_logits, term)
        else:
            log_q = log_softmax(student_logits)
            values = -log_q.gather(-1, torch.tensor(case["targetIds"])[:, None]).squeeze(-1)
        values = torch.where(mask == 1, values, 0.0)
        terms[name] = values.sum() / count
        rows = rows + term.get("weight", 1) * values
    return rows.sum() / count, terms, rows


def check_gradient(case, student_logits, gradient):
    """Central differences on every finite logit."""
    step = 1e-5
    for index in torch.nonzero(torch.isfinite(student_logits)).tolist():
        nudge = torch.zeros_like(student_logits)
        nudge[tuple(index)] = step
        up, down = (evaluate(case, student_logits + sign * nudge)[0] for sign in (1, -1))
        difference = ((up - down) / (2 * step)).item()
        exact = gradient[tuple(index)].item()
        assert abs(difference - exact) < 1e-6 * max(1, abs(exact), abs(evaluate(case, student_logits)[0].item())), (
            case["objective"],
            index,
            difference,
            exact,
        )


def add(name, **case):
    student_logits = as_logits(case["student"]).requires_grad_()
    value, terms, rows = evaluate(case, student_logits)
    (gradient,) = torch.autograd.grad(value, student_logits)
    assert torch.isfinite(value) and torch.isfinite(gradient).all(), name
    check_gradient(case, student_logits.detach(), gradient)
    clean = lambda tensor: (tensor.detach() + 0.0).tolist()  # −0 + 0 = 0
    expected = {
        "value": clean(value),
        "terms": {term: clean(mean) for term, mean in terms.items()},
        "rows": clean(rows),
        "gradient": clean(gradient),
    }
    cases.append({"name": name, "input": case, "expected": expected})


def capture_top_k(logits, ids, temperatures):
    """What a cache stores of a teacher: log-probs of K ids at τ = 1, and log Z_τ − (log Z_1)/τ for each τ."""
    logits = torch.tensor(logits, dtype=torch.float64)
    log_z = logits.logsumexp(-1)
    top = {"ids": ids, "logProbs": (logits - log_z[:, None]).gather(-1, torch.tensor(ids)).tolist()}
    normalizers = {
        str(t): ((logits / t).logsumexp(-1) - log_z / t).tolist() for t in temperatures if t != 1
    }
    return {"topK": {**top, **({"logNormalizers": normalizers} if normalizers else {})}}


def top_ids(logits, k):
    return torch.tensor(logits).topk(k, dim=-1).indices.tolist()


DIVERGENCES = ["forward-kl", "reverse-kl", "cross-entropy"]
TEMPERATURES = [1, 2, 4, 0.5]

# Every divergence at every temperature, with and without τ², with a masked row.
for divergence in DIVERGENCES:
    for temperature in TEMPERATURES:
        for scale in [True, False]:
            add(
                f"{divergence}, temperature {temperature}, {'times τ²' if scale else 'without τ²'}",
                teacher={"logits": random_logits(4)},
                student={"logits": random_logits(4)},
                responseMask=[1, 0, 1, 1],
                objective={
                    "soft": {
                        "weight": 1,
                        "divergence": divergence,
                        "temperature": temperature,
                        "scaleByTemperatureSquared": scale,
                    }
                },
            )

# Defaults: weight 1, temperature 1, τ² on, every row learned.
add(
    "a term with nothing but its divergence: weight 1, temperature 1",
    teacher={"logits": random_logits(2)},
    student={"logits": random_logits(2)},
    objective={"soft": {"divergence": "forward-kl"}},
)
add(
    "temperature without scaleByTemperatureSquared: τ² is on",
    teacher={"logits": random_logits(2)},
    student={"logits": random_logits(2)},
    objective={"soft": {"divergence": "forward-kl", "temperature": 3}},
)

# Mixed objectives, and each half alone.
for divergence in DIVERGENCES:
    for temperature in [1, 2]:
        add(
            f"soft 0.7 {divergence} at temperature {temperature} plus hard 0.3, some rows masked",
            teacher={"logits": random_logits(5)},
            student={"logits": random_logits(5)},
            targetIds=[0, 3, 5, 2, 1],
            responseMask=[0, 1, 1, 0, 1],
            objective={"soft": {"weight": 0.7, "divergence": divergence, "temperature": temperature}, "hard": {"weight": 0.3}},
        )
add(
    "weights that do not add up to 1",
    teacher={"logits": random_logits(3)},
    student={"logits": random_logits(3)},
    targetIds=[5, 0, 2],
    objective={"soft": {"weight": 2.5, "divergence": "forward-kl", "temperature": 2}, "hard": {"weight": 1.25}},
)
add(
    "hard only, teacher present",
    teacher={"logits": random_logits(3)},
    student={"logits": random_logits(3)},
    targetIds=[1, 4, 0],
    responseMask=[1, 1, 0],
    objective={"hard": {"weight": 1}},
)
add(
    "hard only, no teacher, default weight",
    student={"logits": random_logits(2)},
    targetIds=[2, 2],
    objective={"hard": {}},
)
add(
    "hard only at half weight: terms are unweighted",
    teacher={"logits": random_logits(2)},
    student={"logits": random_logits(2)},
    targetIds=[3, 1],
    objective={"hard": {"weight": 0.5}},
)

# Masks.
for objective, name in [
    ({"soft": {"weight": 1, "divergence": "forward-kl", "temperature": 2}}, "soft"),
    ({"soft": {"weight": 0.5, "divergence": "reverse-kl"}, "hard": {"weight": 0.5}}, "mixed"),
]:
    add(
        f"all rows masked, {name}: 0, not NaN",
        teacher={"logits": random_logits(3)},
        student={"logits": random_logits(3)},
        targetIds=[0, 1, 2],
        responseMask=[0, 0, 0],
        objective=objective,
    )
add(
    "one row left of five",
    teacher={"logits": random_logits(5)},
    student={"logits": random_logits(5)},
    targetIds=[0, 1, 2, 3, 4],
    responseMask=[0, 0, 0, 1, 0],
    objective={"soft": {"weight": 0.9, "divergence": "forward-kl", "temperature": 2}, "hard": {"weight": 0.1}},
)

# Agreement and shifts.
same = random_logits(3)
for divergence in DIVERGENCES:
    add(
        f"{divergence} of equal distributions (student logits shifted by a constant)",
        teacher={"logits": same},
        student={"logits": [[x + 7.5 for x in row] for row in same]},
        objective={"soft": {"divergence": divergence, "temperature": 2}},
    )

# Large logits.
extreme_teacher = [[100, -100, 0, 50, -50, 99], [-100, -100, -100, -100, -100, 100], [100, 100, 100, 100, 100, 100]]
extreme_student = [[-100, 100, 0, -50, 50, 99.5], [-100, -100, -100, -100, -100, 100], [0, 100, -100, 100, 0, 37.25]]
for divergence in DIVERGENCES:
    for temperature in TEMPERATURES:
        add(
            f"{divergence} on logits of ±100, temperature {temperature}",
            teacher={"logits": extreme_teacher},
            student={"logits": extreme_student},
            targetIds=[0, 5, 2],
            objective={"soft": {"weight": 0.7, "divergence": divergence, "temperature": temperature}, "hard": {"weight": 0.3}},
        )

# Probabilities.
one_hot = [[0, 0, 1, 0, 0, 0], [0.5, 0, 0.5, 0, 0, 0], [0.1, 0.2, 0.3, 0.4, 0, 0]]
dense = [[0.1, 0.2, 0.3, 0.1, 0.2, 0.1], [0.05, 0.05, 0.6, 0.1, 0.1, 0.1], [0.25, 0.25, 0.125, 0.125, 0.125, 0.125]]
for temperature in TEMPERATURES:
    for divergence in ["forward-kl", "cross-entropy"]:
        add(
            f"{divergence} from teacher probabilities with exact zeros, temperature {temperature}",
            teacher={"probabilities": one_hot},
            student={"logits": random_logits(3)},
            objective={"soft": {"divergence": divergence, "temperature": temperature}},
        )
    for divergence in DIVERGENCES:
        add(
            f"{divergence} with both sides given as probabilities, temperature {temperature}",
            teacher={"probabilities": [row[::-1] for row in dense]},
            student={"probabilities": dense},
            targetIds=[3, 2, 0],
            responseMask=[1, 1, 0] if temperature == 2 else [1, 1, 1],
            objective={"soft": {"weight": 0.7, "divergence": divergence, "temperature": temperature}, "hard": {"weight": 0.3}},
        )
add(
    "forward-kl where teacher and student have zeros at the same ids",
    teacher={"probabilities": one_hot},
    student={"probabilities": [[0, 0.25, 0.75, 0, 0, 0], [0.25, 0, 0.75, 0, 0, 0], [0.4, 0.3, 0.2, 0.1, 0, 0]]},
    objective={"soft": {"divergence": "forward-kl", "temperature": 2}},
)
add(
    "reverse-kl where the student has exact zeros",
    teacher={"probabilities": dense},
    student={"probabilities": one_hot},
    objective={"soft": {"divergence": "reverse-kl", "temperature": 2}},
)
add(
    "a masked row may hold what would be infinite",
    teacher={"probabilities": [[0.5, 0.5, 0], [0.2, 0.3, 0.5]]},
    student={"probabilities": [[0, 0.5, 0.5], [0.3, 0.3, 0.4]]},
    targetIds=[0, 1],
    responseMask=[0, 1],
    objective={"soft": {"divergence": "forward-kl"}, "hard": {}},
)

# Top-k with the tail bucket.
for divergence in DIVERGENCES:
    for temperature in TEMPERATURES:
        for k in [1, 3]:
            logits = random_logits(3, width=8)
            add(
                f"{divergence} from the teacher's top {k} of 8 with a tail, temperature {temperature}",
                teacher=capture_top_k(logits, top_ids(logits, k), [temperature]),
                student={"logits": random_logits(3, width=8)},
                responseMask=[1, 1, 0] if k == 1 else [1, 1, 1],
                objective={"soft": {"divergence": divergence, "temperature": temperature}},
            )
logits = random_logits(3, width=8)
add(
    "top 3 of 8 mixed with hard targets, normalizers for several temperatures, τ² off",
    teacher=capture_top_k(logits, top_ids(logits, 3), [2, 4]),
    student={"logits": random_logits(3, width=8)},
    targetIds=[7, 0, 3],
    responseMask=[1, 0, 1],
    objective={
        "soft": {"weight": 0.7, "divergence": "forward-kl", "temperature": 4, "scaleByTemperatureSquared": False},
        "hard": {"weight": 0.3},
    },
)
logits, student = random_logits(2), random_logits(2)
for temperature in [1, 2]:
    objective = {"soft": {"divergence": "forward-kl", "temperature": temperature}}
    add(
        f"all ids as top-k, temperature {temperature}: no tail",
        teacher=capture_top_k(logits, top_ids(logits, WIDTH), [temperature]),
        student={"logits": student},
        objective=objective,
    )
    add(
        f"all ids as top-k, temperature {temperature}: the same teacher in full",
        teacher={"logits": logits},
        student={"logits": student},
        objective=objective,
    )
add(
    "a teacher whose top-k holds all of its mass: the tail of the student is pushed down, the term stays finite",
    teacher={"topK": {"ids": [[4, 1], [0, 2]], "logProbs": [[math.log(0.5), math.log(0.5)], [math.log(0.75), math.log(0.25)]]}},
    student={"logits": random_logits(2)},
    objective={"soft": {"divergence": "forward-kl"}},
)
add(
    "student probabilities against a top-k teacher",
    teacher=capture_top_k([[math.log(x) for x in row] for row in dense], [[2, 1], [2, 3], [0, 1]], [2]),
    student={"probabilities": [row[::-1] for row in dense]},
    objective={"soft": {"divergence": "forward-kl", "temperature": 2}},
)

# Heads of unequal width: divergences use the first min(widths) ids, cut before the softmax; hard uses the student's whole head.
for teacher_width, student_width in [(8, 6), (6, 8)]:
    for divergence in DIVERGENCES:
        add(
            f"{divergence} plus hard, teacher of {teacher_width} ids, student of {student_width}",
            teacher={"logits": random_logits(2, width=teacher_width)},
            student={"logits": random_logits(2, width=student_width)},
            targetIds=[5, student_width - 1],
            objective={"soft": {"weight": 0.7, "divergence": divergence, "temperature": 2}, "hard": {"weight": 0.3}},
        )

# A value that can be checked by hand: p = (1/2, 1/4, 1/4), q = (1/4, 1/4, 1/2): both KL are (1/4) log 2.
add(
    "three tokens by hand",
    teacher={"probabilities": [[0.5, 0.25, 0.25]]},
    student={"probabilities": [[0.25, 0.25, 0.5]]},
    objective={"soft": {"divergence": "forward-kl"}},
)
assert abs(cases[-1]["expected"]["value"] - 0.25 * math.log(2)) < 1e-15
in_full, in_top_k = cases[[c["name"] for c in cases].index("all ids as top-k, temperature 2: the same teacher in full")], cases[
    [c["name"] for c in cases].index("all ids as top-k, temperature 2: no tail")
]
assert abs(in_full["expected"]["value"] - in_top_k["expected"]["value"]) < 1e-14
assert len({case["name"] for case in cases}) == len(cases)

write_golden(
    "losses.json",
    "make_losses.py",
    SEED,
    "Inputs of `limbeck loss` and what it writes. The formulae are in the script's header.",
    {"cases": cases},
    assumptions=[
        "A term's temperature defaults to 1, its weight to 1.",
        "reverse-kl and cross-entropy of a topK teacher use the same tail bucket on both sides as forward-kl.",
        "The hard term is normalised over the student's whole width, divergences over the first min(widths) ids.",
    ],
)
print(len(cases), "cases")
