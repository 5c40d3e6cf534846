"""Golden values and gradients of objectives on hand-sized distributions: test/golden/losses.json.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_losses.py

Every case holds `input`, as `limbeck loss` reads it, and `expected`, as it writes it. All in float64; gradients come from
torch.autograd and are compared with central differences before anything is written.

The formulae are in objectives.py.
"""

import math

import torch

from golden import write_golden
from objectives import capture_top_k, make_case, top_ids

SEED = 20250101
WIDTH = 6
generator = torch.Generator().manual_seed(SEED)
cases = []


def random_logits(rows, width=WIDTH, scale=2.0):
    """Random logits with four decimals, so that the input file holds them exactly."""
    return [[round(x, 4) for x in row] for row in (scale * torch.randn(rows, width, generator=generator)).tolist()]


def add(name, **case):
    cases.append(make_case(name, **case))


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
    "Inputs of `limbeck loss` and what it writes. The formulae are in objectives.py.",
    {"cases": cases},
    assumptions=[
        "A term's temperature defaults to 1, its weight to 1.",
        "reverse-kl and cross-entropy of a topK teacher use the same tail bucket on both sides as forward-kl.",
        "The hard term is normalised over the student's whole width, divergences over the first min(widths) ids.",
    ],
)
print(len(cases), "cases")
