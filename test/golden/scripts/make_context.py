"""Context distillation recomputed from both views: test/golden/context.json, with the models of make_training.py.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_context.py

The teacher reads context + input + response, the student studentContext + input + response; the response's ids are the same
on both sides and the only ones learned (`responseMask`). The n-th response token is scored by the position before it in each
view: softRows is KL(teacher ‖ student) there, hardRows −log q(token), both at temperature 1, one number per response token.
`step` is the objective {soft: weight 0.7, hard: weight 0.3} over all response tokens of all rows together, and the L2 norm of
its gradient over the student's distinct parameters. Everything in float64.
"""

import torch

from golden import GOLDEN, load_model, run, write_golden

SEED = 20250104
VOCABULARY = 96
WEIGHTS = {"soft": 0.7, "hard": 0.3}
LENGTHS = [(20, 0, 6, 5), (12, 3, 1, 9), (7, 7, 4, 1), (0, 0, 5, 8), (30, 1, 2, 7)]  # context, studentContext, input, response

generator = torch.Generator().manual_seed(SEED)


def draw(length):
    return torch.randint(3, VOCABULARY, (length,), generator=generator).tolist()


def view(context, row):
    prompt = context + row["input"]
    response = row["response"]
    return {"tokenIds": prompt + response, "responseMask": [0] * len(prompt) + [1] * len(response)}


def scored(model, view):
    """Log-probs at the positions that score the response."""
    ids = torch.tensor([view["tokenIds"]])
    learned = torch.tensor(view["responseMask"])[1:] == 1
    return run(model, ids)[1][0, :-1][learned]


def make(name, student_folder, rows):
    teacher, student = load_model(GOLDEN / "training/teacher"), load_model(GOLDEN / student_folder)
    soft, hard, written = [], [], []
    for row in rows:
        views = {"teacher": view(row["context"], row), "student": view(row["studentContext"], row)}
        with torch.no_grad():
            log_p = scored(teacher, views["teacher"])
        log_q = scored(student, views["student"])
        soft.append((log_p.exp() * (log_p - log_q)).sum(-1))
        hard.append(-log_q.gather(-1, torch.tensor(row["response"])[:, None]).squeeze(-1))
        written.append({**row, **views, "softRows": soft[-1].tolist(), "hardRows": hard[-1].tolist()})
    means = {"soft": torch.cat(soft).mean(), "hard": torch.cat(hard).mean()}
    loss = sum(WEIGHTS[term] * mean for term, mean in means.items())
    gradients = torch.autograd.grad(loss, list(student.parameters()))
    return {
        "name": name,
        "teacher": "training/teacher",
        "student": student_folder,
        "rows": written,
        "step": {
            "loss": loss.item(),
            "terms": {term: mean.item() for term, mean in means.items()},
            "gradientNorm": torch.stack([gradient.norm() for gradient in gradients]).norm().item(),
        },
    }


rows = [
    {"context": draw(c), "studentContext": draw(s), "input": draw(z), "response": draw(y)} for c, s, z, y in LENGTHS
]
same = [{**row, "studentContext": row["context"]} for row in rows]
write_golden(
    "context.json",
    "make_context.py",
    SEED,
    "Rows of context distillation as token ids, both views, and the loss of every response token.",
    {
        "cases": [
            make("the student sees less than the teacher", "training/student-llama", rows),
            make("the student sees less than the teacher, tied embeddings", "training/student-qwen3-tied", rows),
            make("both see the same: equal to soft labels", "training/student-llama", same),
        ]
    },
)
