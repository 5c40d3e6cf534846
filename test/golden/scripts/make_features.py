"""Golden values and gradients of features, on hand-sized tensors and through whole models: test/golden/features.json.

    /tmp/golden/bin/python test/golden/scripts/make_features.py

`cases` hold what layers compute at places (data/places.ts), and a number per response row; `gradient` is that of their sum with
respect to what the student computes. `models` hold the mean of a term over the response rows of documents that golden models read,
each document alone, with hidden states and attention as transformers gives them. Run it after make_training.py.
"""

import torch
from transformers import AutoModelForCausalLM

from golden import GOLDEN, float64_everywhere, write_golden

SEED = 20251128
generator = torch.Generator().manual_seed(SEED)


def random(*shape, scale=1.0):
    """Random numbers with four decimals, so that the file holds them exactly."""
    return torch.round(scale * torch.randn(*shape, generator=generator, dtype=torch.float64) * 1e4) / 1e4


# Each loss of one document: x and y are what student and teacher compute at its places, `rows` says which of them are rows.


def hidden_mse(x, y, rows, options):
    return [torch.nn.functional.mse_loss(x["hidden"][i], y["hidden"][i]) for i in rows]


def hidden_cosine(x, y, rows, options):
    return [1 - torch.nn.functional.cosine_similarity(x["hidden"][i], y["hidden"][i], dim=0) for i in rows]


def similarity_preserving(x, y, rows, options):
    gram = lambda h: torch.nn.functional.normalize(h @ h.T, p=2, dim=1)
    difference = gram(x["hidden"][rows]) - gram(y["hidden"][rows])
    return list((difference**2).mean(dim=1))


def relational_distance(x, y, rows, options):
    n = len(rows)
    if n < 2:
        return [0 * x["hidden"][rows[0]].sum()]

    def distances(h):
        table = [[(h[i] - h[j]).norm() for j in rows if j != i] for i in rows]
        mean = sum(sum(line) for line in table) / (n * (n - 1))
        return [torch.stack(line) / mean for line in table]

    pairs = zip(distances(x["hidden"]), distances(y["hidden"]))
    return [torch.nn.functional.huber_loss(own, other, delta=1.0) for own, other in pairs]


def relational_angle(x, y, rows, options):
    values = []
    for i in rows:
        near = [j for j in range(i - options.get("neighbours", 8), i) if j in rows]
        angle = lambda h, j, k: torch.nn.functional.cosine_similarity(h[j] - h[i], h[k] - h[i], dim=0)
        pairs = [(j, k) for j in near for k in near if j != k]
        huber = [
            torch.nn.functional.huber_loss(angle(x["hidden"], j, k), angle(y["hidden"], j, k), delta=1.0) for j, k in pairs
        ]
        values.append(sum(huber) / len(huber) if huber else 0 * x["hidden"][i].sum())
    return values


def attention(queries, keys, i):
    """The distribution of query i over the keys up to it."""
    return torch.softmax(keys[: i + 1] @ queries[i] / queries.shape[1] ** 0.5, dim=0)


def relation_kl(own, other, heads, rows):
    """`own` and `other` are pairs of tensors [places, width]; heads are equal pieces of the width."""
    values = []
    for i in rows:
        total = 0
        for head in range(heads):
            piece = lambda t: t.chunk(heads, dim=1)[head]
            p = attention(piece(other[0]), piece(other[1]), i)
            q = attention(piece(own[0]), piece(own[1]), i)
            total = total + (p * (p.log() - q.log())).sum()
        values.append(total / heads)
    return values


def repeated(side):
    """Keys for every query head: [places, kv * d] to [places, heads * d]."""
    apart = side["keys"].unflatten(1, (side["keyValueHeads"], side["headDim"]))
    return apart.repeat_interleave(side["heads"] // side["keyValueHeads"], dim=1).flatten(1)


def query_key(x, y, rows, options):
    heads = options.get("relationHeads", x["heads"])
    return relation_kl((x["queries"], repeated(x)), (y["queries"], repeated(y)), heads, rows)


def self_relation(part):
    def loss(x, y, rows, options):
        heads = options.get("relationHeads", x["keyValueHeads"])
        return relation_kl((x[part], x[part]), (y[part], y[part]), heads, rows)

    return loss


FEATURES = {
    "hidden-mse": (["hidden"], hidden_mse),
    "hidden-cosine": (["hidden"], hidden_cosine),
    "similarity-preserving": (["hidden"], similarity_preserving),
    "relational-distance": (["hidden"], relational_distance),
    "relational-angle": (["hidden"], relational_angle),
    "attention-kl": (["queries", "keys"], query_key),
    "query-key": (["queries", "keys"], query_key),
    "key-key": (["keys"], self_relation("keys")),
    "value-value": (["values"], self_relation("values")),
}

# Two lines of places: documents of 4 and 2 places (one of them a prompt alone in part), and of 1 and 3; −1 fills up.
DOCUMENTS = [[0, 0, 0, 0, 1, 1, -1], [0, 1, 1, 1, -1, -1, -1]]
POSITIONS = [[0, 1, 2, 3, 0, 1, 0], [0, 0, 1, 2, 0, 0, 0]]
IS_ROW = [[0, 1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 0, 0, 0]]


def make_case(name, feature, student, teacher, **options):
    parts, loss = FEATURES[feature]
    width = lambda form, part: {
        "hidden": form["hiddenSize"],
        "queries": form["heads"] * form["headDim"],
        "keys": form["keyValueHeads"] * form["headDim"],
        "values": form["keyValueHeads"] * form["headDim"],
    }[part]
    own = {part: random(2, 7, width(student, part)).requires_grad_() for part in parts}
    other = {part: random(2, 7, width(teacher, part)) for part in parts}
    values = {}
    for line in range(2):
        for document in sorted(set(DOCUMENTS[line]) - {-1}):
            at = [i for i, each in enumerate(DOCUMENTS[line]) if each == document]
            rows = [i for i in range(len(at)) if IS_ROW[line][at[i]]]
            side = lambda form, tensors: {**form, **{part: tensor[line, at] for part, tensor in tensors.items()}}
            for i, value in zip(rows, loss(side(student, own), side(teacher, other), rows, options)):
                values[line, at[i]] = value
    gradients = torch.autograd.grad(sum(values.values()), list(own.values()))
    return {
        "name": name,
        "feature": feature,
        "options": options,
        "studentForm": student,
        "teacherForm": teacher,
        "documents": DOCUMENTS,
        "positions": POSITIONS,
        "isRow": IS_ROW,
        "student": {part: tensor.flatten().tolist() for part, tensor in own.items()},
        "teacher": {part: tensor.flatten().tolist() for part, tensor in other.items()},
        "rows": [[values[line, i].item() if (line, i) in values else None for i in range(7)] for line in range(2)],
        "gradient": {part: gradient.flatten().tolist() for part, gradient in zip(parts, gradients)},
    }


def form(hidden_size, heads, key_value_heads, head_dim):
    return {"hiddenSize": hidden_size, "heads": heads, "keyValueHeads": key_value_heads, "headDim": head_dim}


SMALL, LARGE, GROUPED = form(6, 2, 2, 3), form(8, 2, 2, 4), form(8, 4, 2, 3)
cases = [
    make_case("hidden-mse", "hidden-mse", SMALL, SMALL),
    make_case("hidden-cosine", "hidden-cosine", SMALL, SMALL),
    make_case("similarity-preserving, other widths", "similarity-preserving", SMALL, LARGE),
    make_case("relational-distance, other widths", "relational-distance", SMALL, LARGE),
    make_case("relational-angle, other widths", "relational-angle", SMALL, LARGE),
    make_case("relational-angle, two neighbours", "relational-angle", SMALL, SMALL, neighbours=2),
    make_case("attention-kl, other head sizes", "attention-kl", SMALL, LARGE),
    make_case("query-key, as many relation heads as the student has", "query-key", SMALL, GROUPED),
    make_case("query-key, three relation heads, grouped keys", "query-key", GROUPED, GROUPED, relationHeads=3),
    make_case("key-key, one relation head", "key-key", SMALL, LARGE, relationHeads=1),
    make_case("value-value, two relation heads", "value-value", SMALL, LARGE, relationHeads=2),
    make_case("value-value, three relation heads, grouped values", "value-value", GROUPED, SMALL, relationHeads=3),
]


# --- through whole models ---


def read_model(name):
    path = GOLDEN / "training" / name
    return AutoModelForCausalLM.from_pretrained(path, attn_implementation="eager", dtype=torch.float64).double()


def look_inside(model, ids):
    """Hidden states of layers 0 … L before the final norm, attention and values of layers 1 … L, of one document."""
    seen, values = [], []
    layers = model.model.layers
    hooks = [layer.register_forward_hook(lambda _m, _i, out: seen.append(out[0] if isinstance(out, tuple) else out)) for layer in layers]
    hooks += [layer.self_attn.v_proj.register_forward_hook(lambda _m, _i, out: values.append(out[0])) for layer in layers]
    with float64_everywhere():
        outputs = model(torch.tensor([ids]), output_attentions=True)
    for hook in hooks:
        hook.remove()
    embeddings = model.model.embed_tokens(torch.tensor([ids]))
    hidden = [each.reshape(len(ids), -1) for each in [embeddings, *seen]]
    return {"hidden": hidden, "attention": [each[0] for each in outputs.attentions], "values": values}


def term_of_document(term, own, other, rows, heads):
    """One number per row, the mean over the pairs of layers."""
    total = 0
    for s, t in term["pairs"]:
        if term["feature"] == "attention-kl":
            p, q = other["attention"][t - 1][:, rows], own["attention"][s - 1][:, rows]
            values = torch.where(p > 0, p * (p.log() - q.clamp(min=1e-300).log()), 0).sum(dim=-1).mean(dim=0)
        elif term["feature"] == "value-value":
            values = torch.stack(
                relation_kl((own["values"][s - 1],) * 2, (other["values"][t - 1],) * 2, term["relationHeads"], rows)
            )
        else:
            side = lambda inside, layer: {"hidden": inside["hidden"][layer]}
            values = torch.stack(FEATURES[term["feature"]][1](side(own, s), side(other, t), rows, term))
        total = total + values
    return total / len(term["pairs"])


IDS = lambda count: torch.randint(3, 96, (count,), generator=generator).tolist()
documents = [{"prompt": IDS(prompt), "response": IDS(response)} for prompt, response in [(0, 9), (5, 4), (8, 8), (1, 2)]]
models = []
for student_name, teacher_name, feature, layers, pairs, more in [
    ("student-llama", "student-qwen2", "hidden-mse", "even", [(0, 0), (1, 1), (2, 2)], {}),
    ("student-qwen2", "student-llama", "hidden-cosine", [[1, 2]], [(1, 2)], {}),
    ("student-llama", "teacher", "similarity-preserving", "last", [(2, 2)], {}),
    ("student-llama", "teacher", "relational-distance", [[1, 2], [2, 2]], [(1, 2), (2, 2)], {}),
    ("student-llama", "teacher", "relational-angle", "last", [(2, 2)], {"neighbours": 3}),
    ("student-llama", "teacher", "attention-kl", "even", [(1, 1), (2, 2)], {}),
    ("student-qwen2", "teacher", "attention-kl", "last", [(2, 2)], {}),
    ("student-llama", "teacher", "value-value", "last", [(2, 2)], {"relationHeads": 4}),
]:
    student, teacher = read_model(student_name), read_model(teacher_name)
    term = {"feature": feature, "pairs": pairs, **more}
    values = []
    for document in documents:
        prompt, response = document["prompt"], document["response"]
        ids = prompt + response
        # Position i − 1 scores token i; the first token of a document is scored by nobody.
        rows = list(range(max(len(prompt), 1) - 1, len(ids) - 1))
        with torch.no_grad():
            other = look_inside(teacher, ids)
        values.append(term_of_document(term, look_inside(student, ids), other, rows, student.config.num_attention_heads))
    loss = torch.cat(values).mean()
    weights = [weight for weight in student.parameters()]
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    norm = torch.sqrt(sum((gradient**2).sum() for gradient in gradients if gradient is not None))
    models.append(
        {
            "student": student_name,
            "teacher": teacher_name,
            "term": {"kind": "feature", "feature": feature, "layers": layers, **more},
            "value": loss.item(),
            "gradientNorm": norm.item(),
        }
    )

write_golden(
    "features.json",
    "make_features.py",
    SEED,
    "What layers of two models compute, and features of it: a number per response row, and gradients.",
    {"cases": cases, "documents": documents, "models": models},
    assumptions=[
        "Places that are no rows are keys of attention and relations, and no members of pairs.",
        "Hidden states of the last layer are those before the final norm.",
    ],
)
