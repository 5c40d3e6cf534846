"""One optimizer step of distillation with PyTorch and TRL, timed: what bench/ compares limbeck's step with.

    python -m venv /tmp/trl-dense && /tmp/trl-dense/bin/pip install -r bench/peers/requirements-dense.txt
    python -m venv /tmp/trl-chunked && /tmp/trl-chunked/bin/pip install -r bench/peers/requirements-chunked.txt
    /tmp/trl-dense/bin/python bench/peers/step_trl.py --variant dense-ready --steps 5
    /tmp/trl-chunked/bin/python bench/peers/step_trl.py --variant chunked-online --compile

A step is zero_grad, forward, loss (forward KL, temperature 1), backward and AdamW, in float32 (autocast with --bf16) on random
tokens. The first --prompt-share of every sequence, and at least its first token, is the prompt; all that follow are learned. As in TRL's
trainers, the dense loss computes every position's logits and cuts the prompts' off, and the chunked one is handed the hidden states of
what is learned. Variants:

  dense-ready, dense-online      TRL 0.23, GKDTrainer.generalized_jsd_loss(beta=0) on full logits, called as the trainer calls it
  chunked-ready, chunked-online  the newest TRL's DistillationTrainer loss, which projects hidden states tile by tile

ready: the teacher's logits (dense) or final hidden states (chunked) are at hand; online: the teacher reads the batch in every step.
The student has 6 layers, d 384, 6/2 heads, ffn 1,024; the teacher SmolLM2-135M's shape; both tied.

The peer is spared what its trainers add by default (gradient checkpointing, clipping, metrics), uses the fused AdamW, and
--compile compiles the whole loss function, not the model alone.

Prints one JSON line. With --serve: a line {"ready": true, …} after warm-up, then for every line `step` on standard input one
step and a line {"seconds", "peakBytes"}, so that a runner can interleave this step with another program's.
"""

import argparse
import contextlib
import json
import os
import resource
import statistics
import sys
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--variant", required=True, choices=["dense-ready", "dense-online", "chunked-ready", "chunked-online"])
parser.add_argument("--compile", action="store_true", help="torch.compile the loss function, student and teacher included")
parser.add_argument("--bf16", action="store_true", help="bfloat16 autocast, as TRL does by default")
parser.add_argument("--steps", type=int, default=5, help="timed steps")
parser.add_argument("--warmup", type=int, default=2, help="steps before timing (the first one compiles)")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--sequences", type=int, default=4)
parser.add_argument("--tokens", type=int, default=256, help="tokens per sequence")
parser.add_argument("--vocabulary", type=int, default=49_152)
parser.add_argument("--prompt-share", type=float, default=0, help="share of every sequence that is prompt, and not learned")
parser.add_argument("--serve", action="store_true", help="run a step for every line `step` on standard input")
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(options.threads)
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch  # noqa: E402 (reads OMP_NUM_THREADS)
import transformers  # noqa: E402
import trl  # noqa: E402

torch.set_num_threads(options.threads)
torch.manual_seed(0)


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def llama(layers, hidden, heads, kv_heads, feed_forward):
    config = transformers.LlamaConfig(
        num_hidden_layers=layers, hidden_size=hidden, num_attention_heads=heads, num_key_value_heads=kv_heads,
        intermediate_size=feed_forward, vocab_size=options.vocabulary, tie_word_embeddings=True, max_position_embeddings=8_192,
        rope_theta=100_000.0, use_cache=False,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


variant, source = options.variant.split("-")
if variant == "dense":
    from trl import GKDTrainer
else:
    from trl.trainer.distillation_trainer import _chunked_divergence_loss
imported_bytes = peak_bytes()

student = llama(layers=6, hidden=384, heads=6, kv_heads=2, feed_forward=1_024).train()
if source == "online":
    teacher = llama(layers=30, hidden=576, heads=9, kv_heads=3, feed_forward=1_536).eval().requires_grad_(False)
    teacher_head = teacher.lm_head.weight
else:
    teacher_head = 0.02 * torch.randn(options.vocabulary, 576)
ids = torch.randint(options.vocabulary, (options.sequences, options.tokens))
attention_mask = torch.ones_like(ids)
prompt_tokens = max(1, round(options.prompt_share * options.tokens))
learned = torch.ones_like(ids[:, prompt_tokens:])
responses = slice(prompt_tokens - 1, -1)  # position i - 1 scores token i


def dense_teacher():
    return teacher(input_ids=ids, attention_mask=attention_mask).logits


def dense_loss(teacher_logits):
    """GKDTrainer.compute_loss with prompts of one length."""
    student_logits = student(input_ids=ids, attention_mask=attention_mask).logits
    return GKDTrainer.generalized_jsd_loss(
        student_logits=student_logits[:, responses, :], teacher_logits=teacher_logits[:, responses, :],
        labels=ids[:, prompt_tokens:], beta=0.0,
    )  # fmt: skip


def hidden_states(model):
    return model.model(input_ids=ids, attention_mask=attention_mask).last_hidden_state[:, responses, :]


def chunked_teacher():
    return hidden_states(teacher)


def chunked_loss(teacher_hidden):
    """DistillationTrainer._compute_loss with prompts of one length."""
    loss, _, _ = _chunked_divergence_loss(
        hidden_states(student), teacher_hidden, student.lm_head.weight, teacher_head, learned, beta=0.0,
        num_items_in_batch=learned.sum(),
    )  # fmt: skip
    return loss


ask_teacher, loss_function = (dense_teacher, dense_loss) if variant == "dense" else (chunked_teacher, chunked_loss)
if options.compile:
    ask_teacher, loss_function = torch.compile(ask_teacher), torch.compile(loss_function)
autocast = torch.autocast("cpu", dtype=torch.bfloat16) if options.bf16 else contextlib.nullcontext()
optimizer = torch.optim.AdamW(student.parameters(), lr=3e-4, weight_decay=0.01, fused=True)
ready_signal = None
if source == "ready":
    # Random signals of the right shape, so that no teacher counts in the peak of a process that never runs one.
    width, positions = (options.vocabulary, options.tokens) if variant == "dense" else (576, learned.shape[1])
    ready_signal = torch.randn(options.sequences, positions, width)


def teacher_signal():
    with torch.no_grad():
        return ask_teacher() if ready_signal is None else ready_signal


def step():
    started = time.perf_counter()
    with autocast:
        loss = loss_function(teacher_signal())
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return time.perf_counter() - started, loss.item()


losses = [step()[1] for _ in range(options.warmup)]
about = {
    "variant": options.variant,
    "compiled": options.compile,
    "bf16": options.bf16,
    "threads": options.threads,
    "tokensPerStep": ids.numel(),
    "importedBytes": imported_bytes,
    "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "trl": trl.__version__},
}
if options.serve:
    print(json.dumps({"ready": True, **about}), flush=True)
    for line in sys.stdin:
        if line.strip() != "step":
            sys.exit(f"step_trl.py: expected `step`, got {line.strip()!r}")
        seconds, _ = step()
        print(json.dumps({"seconds": seconds, "peakBytes": peak_bytes()}), flush=True)
else:
    seconds, losses_timed = zip(*(step() for _ in range(options.steps)))
    print(
        json.dumps(
            {
                **about,
                "tokensPerSecond": ids.numel() / statistics.median(seconds),
                "secondsPerStep": seconds,
                "peakBytes": peak_bytes(),
                "losses": losses + list(losses_timed),
            }
        )
    )
