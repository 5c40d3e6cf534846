"""Golden values and gradients by the distillation losses of other libraries, called as they are: test/golden/peers.json.

    python -m venv /tmp/peers
    /tmp/peers/bin/pip install torch==2.8.0 triton==3.4.0 numpy==2.3.5 transformers==5.8.1 datasets==5.2.0 accelerate==1.15.0
    /tmp/peers/bin/pip install --no-deps trl==1.16.0 liger-kernel==0.8.5 torchtune==0.6.1 torchdistill==1.1.5
    /tmp/peers/bin/python test/golden/scripts/make_peers.py

No formula is written here: a case is an input of `limbeck loss`, and `value` and `gradient` (by the student's logits) are what the peer
returns for the same numbers; `times` is what the peer's are to be multiplied by where it leaves a constant factor out. Heads that a peer
applies itself are the identity, so that hidden states are logits. Several peers pin float32; inside `float64_everywhere` that name means float64, and the code is otherwise theirs.

`kernels` are Liger's Triton kernels, which `TRITON_INTERPRET` runs on the CPU (the interpreter of Triton 3.4 fails with NumPy 2.4). They
compute in float32 or round to it, whatever they are given, so that these cases are in float32.

`differing` are the nearest inputs where a peer computes something else, as docs/conformance.md says.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import pathlib
import runpy
import types

os.environ["TRITON_INTERPRET"] = "1"  # read where a kernel is defined, thus before any import of Triton
os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"

import numpy as np
import torch
import triton.language as tl
from liger_kernel.chunked_loss import LigerFusedLinearJSDLoss
from liger_kernel.transformers import (
    LigerCrossEntropyLoss,
    LigerFusedCETVDLoss,
    LigerFusedLinearCrossEntropyLoss,
    LigerFusedLinearJSD,
    LigerFusedLinearKLDivLoss,
    LigerJSD,
    LigerKLDIVLoss,
    LigerTVDLoss,
)
from torchdistill.losses.mid_level import KDLoss
from triton.runtime import interpreter
from trl.experimental.gkd import GKDTrainer
from trl.experimental.gold import GOLDTrainer
from trl.experimental.iw_opd import IWOPDTrainer
from trl.experimental.sdpo.loss_utils import compute_topk_self_distillation_loss
from trl.experimental.server_distillation import ServerDistillationTrainer
from trl.trainer.distillation_trainer import _chunked_divergence_loss

from golden import GOLDEN, float64_everywhere, write_golden

SEED = 20250606
# The package asks for more than its losses do, which need PyTorch alone.
TORCHTUNE = runpy.run_path(str(pathlib.Path(importlib.util.find_spec("torchtune").origin).parent / "modules/loss/kd_losses.py"))
ROWS, WIDTH, KEPT = 4, 7, 3
IGNORED = -100
MASK = [1, 0, 1, 1]
torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(SEED)


def table(rows=ROWS, width=WIDTH):
    return torch.tensor(
        [[round(x, 4) for x in row] for row in (2 * torch.randn(rows, width, generator=generator)).tolist()]
    )


def with_floats(convert):
    """Compiled, a kernel gets a Python float as a scalar of float32; the interpreter leaves it a float, which lacks the `to` that Liger calls."""

    def converted(argument):
        if isinstance(argument, float):
            return tl.tensor(interpreter.TensorHandle(np.array([argument], np.float32), tl.float32), tl.float32)
        return convert(argument)

    return converted


interpreter._implicit_cvt = with_floats(interpreter._implicit_cvt)


def evaluate(loss, student, teacher, dtype):
    """The peer's value and its gradient by the student's logits."""
    student = student.to(dtype, copy=True).requires_grad_()
    with float64_everywhere() if dtype == torch.float64 else contextlib.nullcontext():
        value = loss(student, teacher.to(dtype))
        value.backward()
    assert value.dtype == student.grad.dtype == dtype
    return {"value": value.item(), "gradient": student.grad.tolist()}


def labels_of(targets, mask):
    return torch.where(torch.tensor(mask) == 1, torch.tensor(targets), IGNORED)


def case(name, loss, objective, *, mask=None, teacher_width=WIDTH, top_k=None, times=1, dtype=torch.float64):
    """`loss(student, teacher, labels)`; `top_k` says whose likeliest ids the teacher is asked about, and what stands for the tail."""
    teacher, student = table(width=teacher_width), table()
    targets = torch.randint(WIDTH, (ROWS,), generator=generator).tolist()
    labels = labels_of(targets, mask or [1] * ROWS)
    given = {"logits": teacher.tolist()}
    if top_k is not None:
        temperature, of = top_k.get("temperature", 1), top_k["of"]
        if of == "both":  # the same ids on both sides, so that their union has the same size in every row
            student = student + 9 * torch.zeros_like(student).scatter(-1, teacher.topk(KEPT).indices, 1.0)
        ids = (student if of == "student" else teacher).topk(KEPT).indices
        normalizer = torch.logsumexp(teacher / temperature, -1) - torch.logsumexp(teacher, -1) / temperature
        given = {
            "topK": {
                "ids": ids.tolist(),
                "logProbs": torch.log_softmax(teacher, -1).gather(-1, ids).tolist(),
                "tail": top_k["tail"],
                "logNormalizers": {str(temperature): normalizer.tolist()},
            }
        }
    return {
        "name": name,
        "input": {
            "teacher": given,
            "student": {"logits": student.tolist()},
            "targetIds": targets,
            **({"responseMask": mask} if mask else {}),
            "objective": objective,
        },
        "times": times,
        **evaluate(lambda s, t: loss(s, t, labels), student, teacher, dtype),
    }


def gkd(beta, temperature, trainer=GKDTrainer, **more):
    def loss(student, teacher, labels):
        return trainer.generalized_jsd_loss(
            student[None], teacher[None], labels[None], beta=beta, temperature=temperature, **more
        )

    return loss


def iw_opd(beta, temperature, add_tail):
    return gkd(beta, temperature, IWOPDTrainer, top_k=KEPT, add_tail=add_tail)


def chunked(beta, temperature):
    def loss(student, teacher, labels):
        eye = torch.eye(WIDTH)
        mask = (labels != IGNORED)[None]
        return _chunked_divergence_loss(student[None], teacher[None], eye, eye, mask, beta, temperature=temperature)[0]

    return loss


def server(add_tail):
    def loss(student, teacher, labels):
        log_probs, ids = torch.log_softmax(teacher, -1).topk(KEPT)
        trainer = types.SimpleNamespace(
            loss_add_tail=add_tail, _reduce_divergence_loss=ServerDistillationTrainer._reduce_divergence_loss
        )
        result = {"topk_logprobs": log_probs[None], "topk_token_ids": ids[None]}
        return ServerDistillationTrainer._compute_server_forward_kl_loss(
            trainer, result, torch.log_softmax(student, -1)[None], labels[None]
        )

    return loss


def self_distillation(alpha, add_tail):
    def loss(student, teacher, labels):
        rows = compute_topk_self_distillation_loss(
            student, teacher, distillation_topk=KEPT, distillation_alpha=alpha, distillation_add_tail=add_tail
        )
        return rows.mean()

    return loss


def liger(beta, temperature, hard=0.0, soft=1.0):
    def loss(student, teacher, labels):
        peer = LigerFusedLinearJSDLoss(hard, soft, beta=beta, temperature=temperature, compiled=False)
        return peer(student, torch.eye(WIDTH), teacher, torch.eye(teacher.shape[1]), labels)

    return loss


def kernel_kl(reduction, log_target):
    def loss(student, teacher, labels):
        target = torch.log_softmax(teacher, -1) if log_target else torch.softmax(teacher, -1)
        return LigerKLDIVLoss(reduction=reduction, log_target=log_target)(torch.log_softmax(student, -1), target)

    return loss


def kernel_linear_kl(temperature):
    """It divides the student's logits by the temperature; the teacher's probabilities are the caller's."""

    def loss(student, teacher, labels):
        peer = LigerFusedLinearKLDivLoss(temperature=temperature)
        return peer(student, torch.eye(WIDTH, dtype=student.dtype), torch.softmax(teacher / temperature, -1), labels)

    return loss


def kernel_jsd(beta):
    def loss(student, teacher, labels):
        return LigerJSD(beta)(torch.log_softmax(student, -1), torch.log_softmax(teacher, -1), labels)

    return loss


def kernel_linear_jsd(beta, temperature):
    def loss(student, teacher, labels):
        eye = torch.eye(WIDTH, dtype=student.dtype)
        return LigerFusedLinearJSD(beta, temperature=temperature)(student, eye, teacher, eye, labels)

    return loss


def kernel_tvd(student, teacher, labels):
    return LigerTVDLoss()(torch.softmax(student, -1), torch.softmax(teacher, -1), labels)


def kernel_hard_tvd(student, teacher, labels):
    """The peer returns both terms of every row, 0 where masked; weights and mean are the caller's."""
    hard, tvd = LigerFusedCETVDLoss()(student, teacher, labels)
    return (0.4 * hard + 0.6 * tvd).sum() / (labels != IGNORED).sum()


def kernel_hard(smoothing):
    def loss(student, teacher, labels):
        return LigerCrossEntropyLoss(label_smoothing=smoothing)(student, labels)

    return loss


def kernel_linear_hard(smoothing):
    def loss(student, teacher, labels):
        peer = LigerFusedLinearCrossEntropyLoss(label_smoothing=smoothing)
        return peer(torch.eye(WIDTH, dtype=student.dtype), student, labels)

    return loss


def torchtune(name, *options):
    return TORCHTUNE[name](*options)


def torchdistill(temperature, alpha, with_targets=True):
    def loss(student, teacher, labels):
        sides = {"": {"output": student}}, {"": {"output": teacher}}
        peer = KDLoss("", "output", "", "output", temperature, alpha)
        return peer(*sides, labels if with_targets else None)

    return loss


def soft(divergence, temperature=1, **more):
    return {"soft": {"divergence": divergence, "temperature": temperature, **more}}


def untempered(divergence, temperature=1, **more):
    """The peer leaves τ² out."""
    return soft(divergence, temperature, scaleByTemperatureSquared=False, **more)


def jsd(beta, temperature=1):
    """What `beta` of TRL and of Liger is here: their end points are the KL divergences, which ours have names of their own."""
    names = {0: "forward-kl", 1: "reverse-kl"}
    if beta in names:
        return untempered(names[beta], temperature)
    return untempered("jsd", temperature, teacherWeight=beta)


def kernel(name, loss, objective, **more):
    return case(f"Liger {name}", loss, objective, dtype=torch.float32, **more)


both = [(beta, temperature) for beta in [0, 1, 0.3, 0.5] for temperature in [1, 2]]
cases = [
    *[
        case(f"TRL GKDTrainer.generalized_jsd_loss, beta {beta}, temperature {temperature}", gkd(beta, temperature), jsd(beta, temperature), mask=MASK)
        for beta, temperature in both
    ],
    case("TRL GKDTrainer.generalized_jsd_loss, every row masked", gkd(0.5, 1), jsd(0.5), mask=[0] * ROWS),
    *[
        case(f"TRL GOLDTrainer.generalized_jsd_loss, beta {beta}", gkd(beta, 2, GOLDTrainer), jsd(beta, 2), mask=MASK)
        for beta in [0, 1, 0.3]
    ],
    *[
        case(f"TRL _chunked_divergence_loss, beta {beta}, temperature {temperature}", chunked(beta, temperature), jsd(beta, temperature), mask=MASK)
        for beta, temperature in both
    ],
    *[
        case(f"TRL IWOPDTrainer.generalized_jsd_loss, top_k with add_tail, beta 0, temperature {temperature}", iw_opd(0, temperature, True), untempered("forward-kl", temperature), mask=MASK, top_k={"of": "teacher", "tail": "bucket", "temperature": temperature})
        for temperature in [1, 2]
    ],
    *[
        case(f"TRL IWOPDTrainer.generalized_jsd_loss, top_k with add_tail, beta 0.3, temperature {temperature}, the same top-k on both sides", iw_opd(0.3, temperature, True), jsd(0.3, temperature), mask=MASK, top_k={"of": "both", "tail": "bucket", "temperature": temperature})
        for temperature in [1, 2]
    ],
    case("TRL ServerDistillationTrainer._compute_server_forward_kl_loss, loss_add_tail", server(True), soft("forward-kl"), mask=MASK, top_k={"of": "teacher", "tail": "bucket"}),
    *[
        case(f"TRL compute_topk_self_distillation_loss, distillation_add_tail, alpha {alpha}: the student's top-k", self_distillation(alpha, True), jsd(alpha), top_k={"of": "student", "tail": "bucket"})
        for alpha in [0.0, 0.3, 0.5]
    ],
    *[
        case(f"Liger LigerFusedLinearJSDLoss, beta {beta}, temperature {temperature}", liger(beta, temperature), jsd(beta, temperature), mask=MASK)
        for beta, temperature in both
    ],
    case("Liger LigerFusedLinearJSDLoss, with the hard loss", liger(0.3, 2, 0.4, 0.6), {**{"soft": {**jsd(0.3, 2)["soft"], "weight": 0.6}}, "hard": {"weight": 0.4}}, mask=MASK),
    case("Liger LigerFusedLinearJSDLoss, every row masked", liger(0.5, 1, 0.5, 0.5), {**jsd(0.5), "hard": {}}, mask=[0] * ROWS),
    case("torchtune ForwardKLLoss", torchtune("ForwardKLLoss"), soft("cross-entropy"), mask=MASK),
    case("torchtune ReverseKLLoss", torchtune("ReverseKLLoss"), soft("reverse-kl"), mask=MASK),
    case("torchtune SymmetricKLLoss", torchtune("SymmetricKLLoss", 0.25), {"forward": {"kind": "divergence", "divergence": "cross-entropy", "weight": 0.25}, "reverse": {"kind": "divergence", "divergence": "reverse-kl", "weight": 0.75}}, mask=MASK),
    case("torchdistill KDLoss, temperature 4, alpha 0.3", torchdistill(4, 0.3), {"soft": {"temperature": 4, "weight": 0.7}, "hard": {"weight": 0.3}}),
    case("TRL GKDTrainer.generalized_jsd_loss, with τ²", gkd(0, 2), soft("forward-kl", 2), mask=MASK, times=4),
    case("torchdistill KDLoss without targets, with τ²", torchdistill(4, 0.3, False), soft("forward-kl", 4), times=16),
]
differing = [
    case("TRL IWOPDTrainer.generalized_jsd_loss, top_k without add_tail", iw_opd(0, 1, False), soft("forward-kl"), mask=MASK, top_k={"of": "teacher", "tail": "renormalize"}),
    case("TRL IWOPDTrainer.generalized_jsd_loss, top_k with add_tail, beta 0.3: the union of both top-k", iw_opd(0.3, 1, True), jsd(0.3), mask=MASK, top_k={"of": "teacher", "tail": "bucket"}),
    case("TRL ServerDistillationTrainer._compute_server_forward_kl_loss, without loss_add_tail", server(False), soft("forward-kl"), mask=MASK, top_k={"of": "teacher", "tail": "renormalize"}),
    case("TRL compute_topk_self_distillation_loss, without distillation_add_tail", self_distillation(0.0, False), soft("forward-kl"), top_k={"of": "student", "tail": "renormalize"}),
    case("Liger LigerFusedLinearJSDLoss, a wider teacher", liger(0, 1), soft("forward-kl"), teacher_width=WIDTH + 2, mask=MASK),
]
kernels = [
    *[
        kernel(f"LigerKLDIVLoss, batchmean, log_target {log_target}", kernel_kl("batchmean", log_target), soft("forward-kl"))
        for log_target in [False, True]
    ],
    kernel("LigerKLDIVLoss, mean, with the width", kernel_kl("mean", True), soft("forward-kl"), times=WIDTH),
    *[
        kernel(f"LigerFusedLinearKLDivLoss, temperature {temperature}", kernel_linear_kl(temperature), untempered("forward-kl", temperature), mask=MASK)
        for temperature in [1, 2]
    ],
    kernel("LigerFusedLinearKLDivLoss, every row masked", kernel_linear_kl(1), soft("forward-kl"), mask=[0] * ROWS),
    *[kernel(f"LigerJSD, beta {beta}", kernel_jsd(beta), jsd(beta), mask=MASK) for beta in [0, 1, 0.3, 0.5]],
    kernel("LigerJSD, every row masked", kernel_jsd(0.5), jsd(0.5), mask=[0] * ROWS),
    *[
        kernel(f"LigerFusedLinearJSD, beta {beta}, temperature {temperature}", kernel_linear_jsd(beta, temperature), jsd(beta, temperature), mask=MASK)
        for beta, temperature in both
    ],
    kernel("LigerTVDLoss", kernel_tvd, soft("tvd"), mask=MASK),
    kernel("LigerFusedCETVDLoss", kernel_hard_tvd, {"soft": {"divergence": "tvd", "weight": 0.6}, "hard": {"weight": 0.4}}, mask=MASK),
    *[
        kernel(f"{name}, label_smoothing {smoothing}", peer(smoothing), {"hard": {"labelSmoothing": smoothing}}, mask=MASK)
        for name, peer in [("LigerCrossEntropyLoss", kernel_hard), ("LigerFusedLinearCrossEntropyLoss", kernel_linear_hard)]
        for smoothing in [0.0, 0.1]
    ],
    kernel("LigerCrossEntropyLoss, every row masked", kernel_hard(0.1), {"hard": {"labelSmoothing": 0.1}}, mask=[0] * ROWS),
]
peers = ["trl", "liger-kernel", "torchtune", "torchdistill"]
write_golden(
    GOLDEN / "peers.json",
    "make_peers.py",
    SEED,
    "What other libraries' losses return for inputs of `limbeck loss`.",
    {"cases": cases, "differing": differing, "kernels": kernels},
    tool="the libraries under `peers`, in float64; `kernels` by Triton's interpreter, in float32",
    peers={name: importlib.metadata.version(name) for name in peers},
    interpreter={name: importlib.metadata.version(name) for name in ["triton", "numpy"]},
)
