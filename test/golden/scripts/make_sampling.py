"""What the logits processors of transformers leave of random logits: test/golden/sampling.json.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_sampling.py

Each case runs the processors that `generate` itself makes for the options, in its order, on logits `[vocab]` after the ids
that were seen. A token that may not be drawn is null.
"""

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from golden import write_golden

SEED = 20250301
VOCAB = 24

OPTIONS = [
    {},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.8},
    {"temperature": 0.7},
    {"temperature": 3.0},
    {"top_k": 1},
    {"top_k": 5},
    {"top_k": 24},
    {"top_k": 100},
    {"top_p": 0.9},
    {"top_p": 0.5},
    {"top_p": 0.01},
    {"min_p": 0.05},
    {"min_p": 0.5},
    {"min_p": 1.0},
    {"top_k": 12, "top_p": 0.8},
    {"top_p": 0.95, "min_p": 0.1},
    {"temperature": 0.6, "top_k": 10, "top_p": 0.9, "min_p": 0.02},
    {"repetition_penalty": 1.2, "temperature": 1.5, "top_k": 15, "top_p": 0.85, "min_p": 0.1},
]

torch.manual_seed(SEED)
config = LlamaConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=VOCAB)
model = LlamaForCausalLM(config).double()
cases = []
for options in OPTIONS:
    for spread in (1.0, 4.0):
        logits = spread * torch.randn(1, VOCAB, dtype=torch.float64)
        logits = logits.float().double()  # what a Float32Array holds
        seen = torch.randint(VOCAB, (1, 6))
        # top_k is 50 by default: 0 switches it off.
        generation = GenerationConfig(do_sample=True, **{"top_k": 0, **options})
        processors = model._get_logits_processor(
            generation, input_ids_seq_length=6, encoder_input_ids=seen, prefix_allowed_tokens_fn=None, logits_processor=[],
            device="cpu", model_kwargs={},
        )  # fmt: skip
        left = processors(seen, logits.clone())[0]
        names = {"repetition_penalty": "repetitionPenalty", "temperature": "samplingTemperature", "top_k": "topK", "top_p": "topP", "min_p": "minP"}
        cases.append(
            {
                "options": {names[key]: value for key, value in options.items()},
                "seen": seen[0].tolist(),
                "logits": logits[0].tolist(),
                "processors": [type(processor).__name__ for processor in processors],
                "left": [None if value == -torch.inf else value for value in left.tolist()],
            }
        )
write_golden("sampling.json", "make_sampling.py", SEED, "what sampling filters leave of logits", {"cases": cases})
