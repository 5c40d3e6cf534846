"""Golden values and gradients of the wider family of divergences: test/golden/divergences.json.

    /tmp/golden/bin/python test/golden/scripts/make_divergences.py

`cases` are as in losses.json; `refused` are inputs that a divergence cannot answer from a top-k. The formulae are in objectives.py.
"""

import torch

from golden import write_golden
from objectives import capture_top_k, make_case, top_ids

SEED = 20250117
WIDTH = 6
generator = torch.Generator().manual_seed(SEED)
cases, refused = [], []


def random_logits(rows, width=WIDTH, scale=2.0):
    """Random logits with four decimals, so that the input file holds them exactly."""
    return [[round(x, 4) for x in row] for row in (scale * torch.randn(rows, width, generator=generator)).tolist()]


def add(name, **case):
    cases.append(make_case(name, **case))


# Every divergence with the options that matter: its own default and values on either side of it.
FAMILY = [
    {"divergence": "symmetric-kl"},
    {"divergence": "jsd"},
    {"divergence": "jsd", "teacherWeight": 0.1},
    {"divergence": "jsd", "teacherWeight": 0.999},
    {"divergence": "skew-kl"},
    {"divergence": "skew-kl", "skew": 0},
    {"divergence": "skew-kl", "skew": 0.7},
    {"divergence": "skew-reverse-kl"},
    {"divergence": "skew-reverse-kl", "skew": 0.7},
    {"divergence": "tvd"},
    {"divergence": "alpha-beta"},
    {"divergence": "alpha-beta", "teacherExponent": 0.8, "studentExponent": 0.3},
    {"divergence": "alpha-beta", "teacherExponent": 1, "studentExponent": 0},
    {"divergence": "alpha-beta", "teacherExponent": 0, "studentExponent": 1},
    {"divergence": "alpha-beta", "teacherExponent": 2, "studentExponent": 0},
    {"divergence": "alpha-beta", "teacherExponent": 0, "studentExponent": 0},
    {"divergence": "alpha-beta", "teacherExponent": 0.5, "studentExponent": -0.5},
    {"divergence": "alpha-beta", "teacherExponent": 1.5, "studentExponent": -0.5},
    {"divergence": "logits-mse"},
    {"divergence": "ranking"},
    {"divergence": "ranking", "topK": 3, "margin": 0.25},
    {"divergence": "ranking", "topK": 4, "form": "logistic"},
]
FROM_TOP_K = {"jsd", "skew-kl", "skew-reverse-kl", "tvd", "ranking"}
# Infinite where the teacher gives a probability 0 (and the student does not).
INFINITE_AT_TEACHER_ZERO = lambda term: term["divergence"] in {"symmetric-kl", "logits-mse"} or (
    term["divergence"] == "alpha-beta" and min(term.get("teacherExponent", 0.5), term.get("studentExponent", 0.5)) <= 0
    and (term["teacherExponent"], term["studentExponent"]) not in [(1, 0), (2, 0)]
)


def label(term):
    options = {key: value for key, value in term.items() if key != "divergence"}
    return term["divergence"] + "".join(f" {key} {value}" for key, value in options.items())


for term in FAMILY:
    for temperature in [1, 2, 0.5]:
        at = {**term, "temperature": temperature}
        add(
            f"{label(term)}, temperature {temperature}, a masked row",
            teacher={"logits": random_logits(4)},
            student={"logits": random_logits(4)},
            responseMask=[1, 0, 1, 1],
            objective={"soft": at},
        )
    add(
        f"0.7 {label(term)} at temperature 2 without τ² plus 0.3 hard",
        teacher={"logits": random_logits(3)},
        student={"logits": random_logits(3)},
        targetIds=[0, 3, 5],
        responseMask=[0, 1, 1],
        objective={
            "soft": {"weight": 0.7, **term, "temperature": 2, "scaleByTemperatureSquared": False},
            "hard": {"weight": 0.3},
        },
    )
    for teacher_width, student_width in [(8, 6), (6, 8)]:
        add(
            f"{label(term)}, teacher of {teacher_width} ids, student of {student_width}",
            teacher={"logits": random_logits(2, width=teacher_width)},
            student={"logits": random_logits(2, width=student_width)},
            targetIds=[5, student_width - 1],
            objective={"soft": {"weight": 0.7, **term, "temperature": 2}, "hard": {"weight": 0.3}},
        )
    same = random_logits(2)
    add(
        f"{label(term)} of equal distributions",
        teacher={"logits": same},
        student={"logits": same},
        objective={"soft": {**term, "temperature": 2}},
    )
    if term["divergence"] != "ranking":
        add(
            f"{label(term)}, both sides as probabilities",
            teacher={"probabilities": [[0.1, 0.1, 0.2, 0.1, 0.3, 0.2], [0.125, 0.125, 0.125, 0.125, 0.25, 0.25]]},
            student={"probabilities": [[0.1, 0.2, 0.3, 0.1, 0.2, 0.1], [0.05, 0.05, 0.6, 0.1, 0.1, 0.1]]},
            objective={"soft": {**term, "temperature": 2}},
        )

# Logits of ±100: probabilities that underflow on either side, or on both.
EXTREME_TEACHER = [[100, -100, 0, 50, -50, 99], [-100, -100, -100, -100, -100, 100], [100, 100, 100, 100, 100, 100]]
EXTREME_STUDENT = [[-100, 100, 0, -50, 50, 99.5], [-100, -100, -100, -100, -100, 100], [0, 100, -100, 100, 0, 37.25]]
for term in FAMILY:
    if term.get("studentExponent", 1) < 0:
        continue  # e^100 and more: finite, but no number to compare 1e-9 with
    for temperature in [1, 2, 0.5]:
        add(
            f"{label(term)} on logits of ±100, temperature {temperature}",
            teacher={"logits": EXTREME_TEACHER},
            student={"logits": EXTREME_STUDENT},
            objective={"soft": {**term, "temperature": temperature}},
        )

# Exact zeros: of the teacher, of the student, and of both at the same ids.
ONE_HOT = [[0, 0, 1, 0, 0, 0], [0.5, 0, 0.5, 0, 0, 0], [0.1, 0.2, 0.3, 0.4, 0, 0]]
for term in FAMILY:
    if INFINITE_AT_TEACHER_ZERO(term) or term["divergence"] == "ranking":
        continue
    for temperature in [1, 2]:
        add(
            f"{label(term)} from teacher probabilities with exact zeros, temperature {temperature}",
            teacher={"probabilities": ONE_HOT},
            student={"logits": random_logits(3)},
            objective={"soft": {**term, "temperature": temperature}},
        )
        add(
            f"{label(term)} where both have zeros at the same ids, temperature {temperature}",
            teacher={"probabilities": ONE_HOT},
            student={"probabilities": [[0, 0.25, 0.75, 0, 0, 0], [0.25, 0, 0.75, 0, 0, 0], [0.4, 0.3, 0.2, 0.1, 0, 0]]},
            objective={"soft": {**term, "temperature": temperature}},
        )
for divergence in ["jsd", "tvd", "skew-kl", "skew-reverse-kl", "alpha-beta"]:
    add(
        f"{divergence} of distributions that share no token",
        teacher={"probabilities": [[0.5, 0.5, 0, 0]]},
        student={"probabilities": [[0, 0, 0.25, 0.75]]},
        objective={"soft": {"divergence": divergence}},
    )

# Top-k with the tail bucket.
for term in FAMILY:
    for temperature in [1, 2]:
        for k in [3, 5] if term["divergence"] == "ranking" else [1, 3]:
            if term["divergence"] == "ranking":
                term = {**term, "topK": min(term.get("topK", 10), k)}
            logits = random_logits(3, width=8)
            case = dict(
                teacher=capture_top_k(logits, top_ids(logits, k), [temperature]),
                student={"logits": random_logits(3, width=8)},
                responseMask=[1, 1, 0] if k == 1 else [1, 1, 1],
                objective={"soft": {**term, "temperature": temperature}},
            )
            name = f"{label(term)} from the teacher's top {k} of 8, temperature {temperature}"
            if term["divergence"] in FROM_TOP_K:
                add(name, **case)
            else:
                refused.append({"name": name, "input": case})
    if term["divergence"] in FROM_TOP_K:
        logits, student = random_logits(2), random_logits(2)
        for how, teacher in [("in full", {"logits": logits}), ("as top-k", capture_top_k(logits, top_ids(logits, WIDTH), [2]))]:
            add(
                f"{label(term)}, all ids, {how}",
                teacher=teacher,
                student={"logits": student},
                objective={"soft": {**term, "temperature": 2}},
            )
        assert abs(cases[-1]["expected"]["value"] - cases[-2]["expected"]["value"]) < 1e-13
add(
    "jsd of a teacher whose top-k holds all of its mass",
    teacher={"topK": {"ids": [[4, 1]], "logProbs": [[-0.6931471805599453, -0.6931471805599453]]}},
    student={"logits": random_logits(1)},
    objective={"soft": {"divergence": "jsd"}},
)

# Label smoothing, alone and beside a divergence.
for smoothing in [0.1, 0.5]:
    add(
        f"hard with labelSmoothing {smoothing}",
        student={"logits": random_logits(3)},
        targetIds=[1, 4, 0],
        responseMask=[1, 1, 0],
        objective={"hard": {"weight": 0.5, "labelSmoothing": smoothing}},
    )
add(
    "jsd beside smoothed hard labels, heads of unequal width",
    teacher={"logits": random_logits(2, width=5)},
    student={"logits": random_logits(2)},
    targetIds=[5, 2],
    objective={"soft": {"weight": 0.9, "divergence": "jsd", "temperature": 2}, "hard": {"weight": 0.1, "labelSmoothing": 0.1}},
)

names = [case["name"] for case in cases]
assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
write_golden(
    "divergences.json",
    "make_divergences.py",
    SEED,
    "Inputs of `limbeck loss` and what it writes, for the wider family of divergences. The formulae are in objectives.py.",
    {"cases": cases, "refused": refused},
    assumptions=[
        "symmetric-kl is the mean of both KL divergences, not their sum.",
        "logits-mse and ranking take logits / τ and are multiplied by τ² like every other divergence.",
        "The slope of tvd where p = q, and of a hinge at its kink, is 0.",
    ],
)
print(len(cases), "cases,", len(refused), "refused")
