"""Whether a teacher is any good, by PyTorch: test/golden/worth.json, with two models of make_training.py.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_worth.py

The rows are drawn from the teacher at a higher temperature, so that its likeliest token is sometimes the text's. Losses are means
over the learned tokens of all held-out rows, `loss` the teacher's, `student` the student's. `calibration` follows Guo et al. 2017, equations
2 to 5, with 15 bins. `unigram` is the loss of Witten & Bell's method C over the learned tokens of the training rows: it
interpolates the frequencies with the uniform distribution, λ = N / (N + T). Everything in float64.
"""

import torch

from golden import GOLDEN, load_model, run, write_golden

SEED = 20250401
VOCABULARY = 96
BINS = 15
TEACHER, STUDENT = "training/student-llama", "training/student-qwen3-tied"

generator = torch.Generator().manual_seed(SEED)
teacher, student = load_model(GOLDEN / TEACHER), load_model(GOLDEN / STUDENT)


@torch.no_grad()
def draw(length, prompt, temperature):
    ids = torch.randint(3, VOCABULARY, (1, 1), generator=generator)
    while ids.shape[1] < length:
        log_probs = run(teacher, ids)[1][0, -1] / temperature
        ids = torch.cat([ids, torch.multinomial(log_probs.softmax(-1), 1, generator=generator)[None]], dim=1)
    mask = [0] * prompt + [1] * (length - prompt)
    return {"tokenIds": ids[0].tolist(), "responseMask": mask}


def learned(row):
    return torch.tensor(row["tokenIds"])[torch.tensor(row["responseMask"]) == 1]


@torch.no_grad()
def scored(model, row):
    ids = torch.tensor([row["tokenIds"]])
    return run(model, ids)[1][0, :-1][torch.tensor(row["responseMask"])[1:] == 1]


def nll(log_probs, targets):
    return -log_probs.gather(-1, targets[:, None]).squeeze(-1)


train = [draw(24, 1, 1.5) for _ in range(6)]
held_out = [draw(length, prompt, 1.5) for length, prompt in [(30, 1), (24, 9), (12, 1), (28, 20)]]
targets = torch.cat([learned(row) for row in held_out])
log_p = torch.cat([scored(teacher, row) for row in held_out])
log_q = torch.cat([scored(student, row) for row in held_out])

confidence, guess = log_p.exp().max(-1)
right = (guess == targets).double()
edges = torch.linspace(0, 1, BINS + 1, dtype=torch.float64)
error, bins = 0.0, []
for low, high in zip(edges[:-1], edges[1:]):
    inside = (confidence > low) & (confidence <= high)
    bins.append(int(inside.sum()))
    if inside.any():
        error += inside.double().mean().item() * (right[inside].mean() - confidence[inside].mean()).abs().item()

counts = torch.bincount(torch.cat([learned(row) for row in train]), minlength=VOCABULARY).double()
seen, types = counts.sum(), (counts > 0).sum()
share = seen / (seen + types)
unigram = share * counts / seen + (1 - share) / VOCABULARY
assert abs(unigram.sum().item() - 1) < 1e-12
print("filled bins", sum(count > 0 for count in bins), "accuracy", right.mean().item(), "unseen", int((counts[targets] == 0).sum()))

write_golden(
    "worth.json",
    "make_worth.py",
    SEED,
    "A teacher's loss and calibration beside a unigram and a student.",
    {
        "teacher": TEACHER,
        "student": STUDENT,
        "train": train,
        "heldOut": held_out,
        "losses": {
            "teacher": nll(log_p, targets).mean().item(),
            "student": nll(log_q, targets).mean().item(),
            "unigram": -unigram[targets].log().mean().item(),
        },
        "calibration": {
            "expectedError": error,
            "confidence": confidence.mean().item(),
            "accuracy": right.mean().item(),
            "counts": bins,
        },
    },
)
