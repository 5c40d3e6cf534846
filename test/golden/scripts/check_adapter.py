"""Opens an adapter or a soft prompt that limbeck saved with PEFT, and compares log-probs with those of `limbeck score`.

    npx limbeck score runs/mine/adapter --text "Fellow citizens" --json > score.json
    /tmp/golden/bin/python test/golden/scripts/check_adapter.py runs/mine/adapter score.json
"""

import json
import sys

import peft
import torch

folder, scores = sys.argv[1], json.load(open(sys.argv[2]))
model = peft.AutoPeftModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
ids = torch.tensor([[token["id"] for token in scores["tokens"]]])
ours = torch.tensor([token["logProb"] for token in scores["tokens"][1:]])
# PEFT gives logits after every vector of a soft prompt as well.
virtual = getattr(model.active_peft_config, "num_virtual_tokens", 0)


def largest_difference(model):
    with torch.no_grad():
        log_probs = torch.log_softmax(model(input_ids=ids).logits[0, virtual:-1], dim=-1)
    return (log_probs.gather(-1, ids[0, 1:, None]).squeeze(-1) - ours).abs().max().item()


difference = largest_difference(model)
print(f"{len(ours)} tokens, largest difference {difference:.2g}")
assert difference < (1e-5 if virtual else 1e-4)
if not virtual:
    print(f"merged by PEFT {largest_difference(model.merge_and_unload()):.2g}")
