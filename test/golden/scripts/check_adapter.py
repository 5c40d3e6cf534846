"""Opens an adapter that limbeck saved with PEFT, and compares log-probs with those of `limbeck score`.

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
with torch.no_grad():
    log_probs = torch.log_softmax(model(input_ids=ids).logits, dim=-1)[0, :-1].gather(-1, ids[0, 1:, None]).squeeze(-1)
    merged = model.merge_and_unload()
    again = torch.log_softmax(merged(input_ids=ids).logits, dim=-1)[0, :-1].gather(-1, ids[0, 1:, None]).squeeze(-1)
ours = torch.tensor([token["logProb"] for token in scores["tokens"][1:]])
difference = (log_probs - ours).abs().max().item()
print(f"{len(ours)} tokens, largest difference {difference:.2g}; merged by PEFT {(again - ours).abs().max().item():.2g}")
assert difference < 1e-4
