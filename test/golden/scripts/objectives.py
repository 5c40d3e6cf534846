"""Every divergence and objective in PyTorch float64, as `limbeck loss` reads and writes them; shared by the scripts that make
losses.json and divergences.json.

p is the teacher and q the student at temperature τ (row by row, over the first min(widths) ids); a probability of 0 contributes 0
where the formula's limit does:
  forward-kl        Σ p log(p/q)
  reverse-kl        Σ q log(q/p)
  cross-entropy     −Σ p log q
  symmetric-kl      ½ KL(p‖q) + ½ KL(q‖p)
  jsd               M = βp + (1−β)q,  β KL(p‖M) + (1−β) KL(q‖M),  β = teacherWeight (½)
  skew-kl           KL(p ‖ λp + (1−λ)q),  λ = skew (0.1)
  skew-reverse-kl   KL(q ‖ (1−λ)p + λq)
  tvd               ½ Σ |p − q|
  alpha-beta        −1/(ab) Σ [pᵃqᵇ − a/(a+b) pᵃ⁺ᵇ − b/(a+b) qᵃ⁺ᵇ] and its limits,  a = teacherExponent, b = studentExponent (½, ½)
  logits-mse        1/V Σ (zᵢ − vᵢ)² of logits / τ, centred per row
  ranking           over pairs i before j of the teacher's top k: mean of max(0, margin − (zᵢ − zⱼ)) or of log(1 + exp(−(zᵢ − zⱼ)))
  × τ² unless scaleByTemperatureSquared is false
  hard              cross-entropy with the target at τ = 1, over the student's whole width, smoothed by labelSmoothing
Given probabilities are read as logits log p. A topK teacher of K ids has log p_τ(i) = logProbs(i)/τ − logNormalizers[τ] and
one more outcome, the tail, with probability 1 − Σ_K p_τ against the student's 1 − Σ_K q_τ (no tail when K is the vocabulary).
value: mean over unmasked rows of Σ weight · term. terms: means over unmasked rows, unweighted, τ² included.
rows: Σ weight · term, 0 where masked. gradient: ∂value/∂(student logits). With no unmasked row all of them are 0.
"""

import math

import torch


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


def log_mixture(log_p, log_q, share):
    """log(share · p + (1 − share) · q), where either may be 0."""
    no_p, no_q = torch.isneginf(log_p), torch.isneginf(log_q)
    left = torch.where(no_p, 0.0, log_p) + math.log(share)
    right = torch.where(no_q, 0.0, log_q) + math.log(1 - share)
    both = torch.logaddexp(left, right)
    return torch.where(no_p & no_q, -math.inf, torch.where(no_p, right, torch.where(no_q, left, both)))


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


def jsd(log_p, log_q, p, q, term):
    share = term.get("teacherWeight", 0.5)
    mixed = log_mixture(log_p, log_q, share)
    return share * x_times(p, log_p - mixed) + (1 - share) * x_times(q, log_q - mixed)


def skew_kl(log_p, log_q, p, q, term):
    skew = term.get("skew", 0.1)
    return x_times(p, log_p - (log_q if skew == 0 else log_mixture(log_p, log_q, skew)))


def skew_reverse_kl(log_p, log_q, p, q, term):
    return x_times(q, log_q - log_mixture(log_p, log_q, 1 - term.get("skew", 0.1)))


def alpha_beta(log_p, log_q, p, q, term):
    a, b = term.get("teacherExponent", 0.5), term.get("studentExponent", 0.5)
    power = lambda log_x, c: (c * log_x).exp() if c > 0 else torch.ones_like(log_x) if c == 0 else (c * log_x).exp()
    if a == 0 and b == 0:
        return (log_p - log_q) ** 2 / 2
    if b == 0:
        return (x_times(power(log_p, a), a * (log_p - log_q)) - power(log_p, a) + power(log_q, a)) / a**2
    if a == 0:
        return (x_times(power(log_q, b), b * (log_q - log_p)) - power(log_q, b) + power(log_p, b)) / b**2
    if a + b == 0:
        return (a * (log_q - log_p) + (a * (log_p - log_q)).exp() - 1) / a**2
    product = power(log_p, a) * power(log_q, b)
    return -(product - a / (a + b) * power(log_p, a + b) - b / (a + b) * power(log_q, a + b)) / (a * b)


SUMMED = {
    "forward-kl": lambda log_p, log_q, p, q, term: x_times(p, log_p - log_q),
    "reverse-kl": lambda log_p, log_q, p, q, term: x_times(q, log_q - log_p),
    "cross-entropy": lambda log_p, log_q, p, q, term: x_times(p, -log_q),
    "symmetric-kl": lambda log_p, log_q, p, q, term: (x_times(p, log_p - log_q) + x_times(q, log_q - log_p)) / 2,
    "jsd": jsd,
    "skew-kl": skew_kl,
    "skew-reverse-kl": skew_reverse_kl,
    "tvd": lambda log_p, log_q, p, q, term: (p - q).abs() / 2,
    "alpha-beta": alpha_beta,
}


def ranking(order, student, term):
    """Pairs of every row, one by one. `order` holds the teacher's ids from the likeliest on."""
    rows = []
    for ids, z in zip(order.tolist(), student):
        ids = ids[: term.get("topK", 10)]
        losses = []
        for i in range(len(ids)):
            for j in range(i + 1, len(ids)):
                lead = z[ids[i]] - z[ids[j]]
                if term.get("form", "hinge") == "hinge":
                    losses.append((term.get("margin", 1) - lead).clamp_min(0))
                else:
                    losses.append(torch.nn.functional.softplus(-lead, threshold=1e9))
        rows.append(torch.stack(losses).mean())
    return torch.stack(rows)


def soft_rows(teacher, student_logits, term):
    temperature, name = term.get("temperature", 1), term["divergence"]
    scale = temperature**2 if term.get("scaleByTemperatureSquared", True) else 1
    if "topK" in teacher:
        top = teacher["topK"]
        if name == "ranking":
            places = torch.tensor(top["logProbs"]).sort(dim=-1, descending=True, stable=True).indices
            return scale * ranking(torch.tensor(top["ids"]).gather(-1, places), student_logits / temperature, term)
        log_p, log_q = tail_bucket(top, log_softmax(student_logits / temperature), temperature)
    else:
        teacher_logits = as_logits(teacher)
        width = min(teacher_logits.shape[-1], student_logits.shape[-1])
        z, v = student_logits[:, :width] / temperature, teacher_logits[:, :width] / temperature
        if name == "ranking":
            return scale * ranking(v.sort(dim=-1, descending=True, stable=True).indices, z, term)
        if name == "logits-mse":
            return scale * ((z - z.mean(-1, keepdim=True)) - (v - v.mean(-1, keepdim=True))).square().mean(-1)
        log_p, log_q = log_softmax(v), log_softmax(z)
    return scale * SUMMED[name](log_p, log_q, log_p.exp(), log_q.exp(), term).sum(-1)


def evaluate(case, student_logits):
    mask = torch.tensor(case.get("responseMask", [1] * len(student_logits)), dtype=torch.float64)
    count = max(mask.sum().item(), 1)
    rows, terms = torch.zeros(len(student_logits), dtype=torch.float64), {}
    for name, term in case["objective"].items():
        if name == "hard":
            targets, smoothing = torch.tensor(case["targetIds"]), term.get("labelSmoothing", 0)
            if smoothing:
                values = torch.nn.functional.cross_entropy(
                    student_logits, targets, reduction="none", label_smoothing=smoothing
                )
            else:
                values = -log_softmax(student_logits).gather(-1, targets[:, None]).squeeze(-1)
        else:
            values = soft_rows(case["teacher"], student_logits, term)
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


def make_case(name, **case):
    """The input and what it must give, its gradient compared with central differences first."""
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
    return {"name": name, "input": case, "expected": expected}


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
