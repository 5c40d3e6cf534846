"""A soft prompt by PEFT, and context distillation into it: test/golden/students/soft-prompt/ and soft-prompt.json.

    /tmp/golden/bin/python test/golden/scripts/make_soft_prompt.py       # after make_students.py

The prompt stands before the model in students/teacher, and is saved by PEFT. Its teacher is the same model, which sees a context
besides. The loss is KL(teacher | student) over every response token, its gradient PyTorch's own; all in float64.
"""

import shutil

import peft
import torch

from golden import GOLDEN, float64_everywhere, load_model, run, to_double, write_golden

SEED = 20251128
FOLDER = GOLDEN / "students" / "soft-prompt"
VIRTUAL, VOCABULARY = 5, 96
CONTEXT, DOCUMENTS = 11, [(6, 7), (3, 9), (9, 4)]  # tokens; of every document input and response


def next_token_log_probs(log_probs, ids):
    return log_probs[:, :-1].gather(-1, ids[:, 1:, None]).squeeze(-1)


def save_prompt():
    """A random prompt as PEFT saves it."""
    base = load_model(GOLDEN / "students/teacher", double=False)
    config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=VIRTUAL)
    model = peft.get_peft_model(base, config)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        weight = model.prompt_encoder["default"].embedding.weight
        weight.copy_(0.4 * torch.randn(weight.shape, generator=generator))
    model.peft_config["default"].base_model_name_or_path = "../teacher"
    shutil.rmtree(FOLDER, ignore_errors=True)
    model.save_pretrained(FOLDER)
    (FOLDER / "README.md").unlink(missing_ok=True)
    for file in FOLDER.iterdir():
        file.chmod(0o644)


def open_prompt():
    model = peft.PeftModel.from_pretrained(load_model(GOLDEN / "students/teacher", double=False), FOLDER)
    to_double(model.base_model)
    model.prompt_encoder.double().requires_grad_(True)
    return model


def log_probs_after_prompt(model, ids):
    with float64_everywhere():
        return torch.log_softmax(model(input_ids=ids, use_cache=False).logits[:, VIRTUAL:], dim=-1)


save_prompt()
student = open_prompt()
teacher = load_model(GOLDEN / "students/teacher")
generator = torch.Generator().manual_seed(SEED + 1)
draw = lambda *shape: torch.randint(VOCABULARY, shape, generator=generator)  # noqa: E731
ids = draw(2, 24)
context = draw(CONTEXT)
documents = [(draw(inputs), draw(responses)) for inputs, responses in DOCUMENTS]
kl = []
for given, response in documents:
    own = torch.cat([given, response])[None]
    taught = torch.cat([context, given, response])[None]
    with torch.no_grad():
        p = run(teacher, taught)[1][0, -1 - len(response) : -1]
    q = log_probs_after_prompt(student, own)[0, -1 - len(response) : -1]
    kl.append((p.exp() * (p - q)).sum(-1))
loss = torch.cat(kl).mean()
prompt = student.prompt_encoder["default"].embedding.weight
(gradient,) = torch.autograd.grad(loss, prompt)
with torch.no_grad():
    after = next_token_log_probs(log_probs_after_prompt(student, ids), ids)
    assert (after - next_token_log_probs(run(teacher, ids)[1], ids)).abs().max() > 0.1
write_golden(
    "soft-prompt.json",
    "make_soft_prompt.py",
    SEED,
    "Log-probs of students/teacher behind the soft prompt in students/soft-prompt; the mean KL per response token of the model "
    "that sees `context` and the one behind the prompt, each response token's KL, and the gradient of the mean.",
    {
        "inputIds": ids.tolist(),
        "logProbs": after.tolist(),
        "context": context.tolist(),
        "documents": [{"input": given.tolist(), "response": response.tolist()} for given, response in documents],
        "loss": loss.item(),
        "rows": torch.cat(kl).tolist(),
        "gradient": gradient.flatten().tolist(),
    },
    peft=peft.__version__,
)
