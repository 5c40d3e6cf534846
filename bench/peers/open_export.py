"""Opens what `limbeck export` wrote in other people's software, and prints the mean log-prob of a text under each file.

    limbeck score STUDENT --text "..." --json > score.json
    python bench/peers/open_export.py score.json EXPORTED...

EXPORTED is an ONNX export, whose files are run by onnxruntime, or a Hugging Face folder, which is opened by transformers. The
token ids are those of score.json, so that no tokenizer takes part. Exits with 1 where a float32 file is off by more than 1e-4.

Needs numpy and onnxruntime for ONNX; torch and transformers for Hugging Face folders (see requirements-dense.txt).
"""

import json
import pathlib
import sys


def run_onnx(path, ids):
    import numpy
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    caches = [each for each in session.get_inputs() if each.name.startswith("past_key_values")]
    past = {each.name: numpy.zeros((1, each.shape[1], 0, each.shape[3]), numpy.float32) for each in caches}
    names = [each.name for each in session.get_outputs()]
    rows = []
    half = len(ids) // 2
    for start, end in ((0, half), (half, len(ids))):  # in two pieces, so that the cache takes part
        feeds = {
            "input_ids": numpy.array([ids[start:end]], numpy.int64),
            "attention_mask": numpy.ones((1, end), numpy.int64),
            "position_ids": numpy.arange(start, end, dtype=numpy.int64)[None],
        }
        outputs = dict(zip(names, session.run(None, {**feeds, **past})))
        rows.append(outputs["logits"][0])
        past = {name: outputs[name.replace("past_key_values", "present")] for name in past}
    return numpy.concatenate(rows).astype(numpy.float64)


def run_transformers(path, ids):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(path, torch_dtype=torch.float32)
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].double().numpy()


def mean_log_prob(logits, ids):
    import numpy

    shifted = logits - logits.max(-1, keepdims=True)
    log_probs = shifted - numpy.log(numpy.exp(shifted).sum(-1, keepdims=True))
    return float(numpy.mean([log_probs[i, ids[i + 1]] for i in range(len(ids) - 1)]))


def main():
    score = json.loads(pathlib.Path(sys.argv[1]).read_text())
    ids = [token["id"] for token in score["tokens"]]
    expected = score["meanLogProb"]
    print(f"limbeck score: {expected:.6f}")
    is_off = False
    for folder in map(pathlib.Path, sys.argv[2:]):
        files = sorted(folder.glob("onnx/*.onnx"))
        for path in files or [folder]:
            found = mean_log_prob(run_onnx(path, ids) if files else run_transformers(path, ids), ids)
            print(f"{path}: {found:.6f} (off by {abs(found - expected):.1e})")
            is_off |= path.name in ("model.onnx", folder.name) and abs(found - expected) > 1e-4
    sys.exit(1 if is_off else 0)


main()
