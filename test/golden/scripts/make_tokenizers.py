"""Tiny tokenizers and what the Python libraries make of texts and conversations: test/golden/tokenizers/ and tokenizers.json.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/golden/scripts/requirements.txt
    /tmp/golden/bin/python test/golden/scripts/make_tokenizers.py

Four folders as models ship them. `chatml`: byte-level BPE, no beginning token, ChatML template in tokenizer_config.json. `llama3`:
byte-level BPE whose post-processor adds a beginning token, template in chat_template.jinja, end token only in config.json (a list).
`pieces`: BPE over ▁-marked words with bytes as fallback, beginning token, a template that refuses roles that do not alternate.
`metaspace`: the same vocabulary and a token for two spaces that is never used, since the pre-tokenizer splits at every space; no template.
tokenizers.json holds per folder the ids of texts, with and without special tokens, and conversations as transformers writes them.
"""

import json
import shutil

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from golden import GOLDEN, write_golden

FOLDER = GOLDEN / "tokenizers"

TRAINING_TEXT = [
    "The state of the union is strong, and the people of the states are the strength of the union.",
    "We the people hold that the government of the people is by the people and for the people.",
    "Distillation: a small student learns from a large teacher; the student's answers come close to the teacher's.",
    "def distil(teacher, student):\n    return student.train(teacher)\n\n    # 1234567890",
    "Is it 12:30 or 13:45? It's 10%, don't they'll we've I'm you'd.",
    "Ein Übergang über die Straße kostet fünf Groschen. Déjà vu à la carte.",
]

TEXTS = [
    "",
    "a",
    " a",
    "The people of the union learn.",
    "  two  spaces   and\ttabs\n\nand lines\r\n end ",
    "it's don't WE'LL I'm 1234567 3.14159 50%",
    "Straße, déjà vu, naïve coöperation",
    "日本語のテキスト、混ざった English",
    "emoji 🙂👩‍👩‍👧 flag 🇩🇪 and \u00a0 no-break \u2028 line separator",
    "cut\u0301 combining and \ufeff mark and \x00 zero",
    "<|im_start|>user\nhi<|im_end|>\n<|endoftext|>",
    "<s>[INST] hi [/INST] there</s> <|eot_id|>after<|begin_of_text|> <tool>x</tool>",
    "{\"json\": [1, 2, {\"deep\": null}]} // x += y ** 2;",
]

CONVERSATIONS = [
    [{"role": "user", "content": "Hello there"}, {"role": "assistant", "content": "General greeting."}],
    [
        {"role": "user", "content": "  What is 2+2?\n"},
        {"role": "assistant", "content": " 4 "},
        {"role": "user", "content": "And 3+3?"},
        {"role": "assistant", "content": "6, \"six\" <b>é</b>"},
    ],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Name a colour."},
        {"role": "assistant", "content": "Blue"},
        {"role": "user", "content": "Another."},
    ],
]

CHATML = """{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system
You are a helpful assistant.<|im_end|>
{% endif %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
"""

LLAMA3 = """{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{%- if system_message %}
    {{- "<|start_header_id|>system<|end_header_id|>\\n\\n" + system_message + "<|eot_id|>" }}
{%- endif %}
{%- for message in messages %}
    {%- if tools is defined and message.tool_calls is defined %}
        {{- message.tool_calls | tojson }}
    {%- else %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

ALTERNATING = """{{ bos_token }}
{%- set ns = namespace(index=0) %}
    {%- for message in messages %}
  {%- if (message.role == 'user') != (ns.index % 2 == 0) %}
    {{- raise_exception('After the optional system message, roles must alternate user/assistant/user/assistant/...') }}
  {%- endif %}
  {%- set ns.index = ns.index + 1 %}
  {%- if message.role == 'user' %} [INST] {{ message.content }} [/INST]
  {%- else %} {{ message.content }}{{ eos_token }}
  {%- endif %}
{%- endfor %}"""


def byte_level(specials, split):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + 60, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TRAINING_TEXT, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False), AddedToken("</tool>", normalized=False)])
    return tokenizer


def chatml():
    tokenizer = byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>"], pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    config = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "bos_token": None, "chat_template": CHATML}
    return tokenizer, config, None, {"model_type": "qwen2", "eos_token_id": 316}


def llama3():
    split = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(
                Regex(
                    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
                ),
                behavior="isolated",
            ),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer = byte_level(names, split)
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing(
                single="<|begin_of_text|> $A",
                pair="<|begin_of_text|> $A <|begin_of_text|> $B",
                special_tokens=[("<|begin_of_text|>", begin)],
            ),
        ]
    )
    config = {"bos_token": {"content": "<|begin_of_text|>", "__type": "AddedToken"}, "chat_template": "not this one"}
    ends = [tokenizer.token_to_id("<|end_of_text|>"), tokenizer.token_to_id("<|eot_id|>")]
    return tokenizer, config, LLAMA3, {"model_type": "llama", "eos_token_id": ends}


def pieces():
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    names = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=3 + 256 + 140,
        special_tokens=names + [f"<0x{byte:02X}>" for byte in range(256)],
        show_progress=False,
        max_token_length=8,
    )
    # Words are split for training only, so that merges stay within them, as SentencePiece does.
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", behavior="merged_with_next")
    tokenizer.train_from_iterator(TRAINING_TEXT, trainer)
    tokenizer.pre_tokenizer = None
    definition = json.loads(tokenizer.to_str())
    definition["added_tokens"] = [token for token in definition["added_tokens"] if token["content"] in names]
    tokenizer = Tokenizer.from_str(json.dumps(definition))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    config = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "chat_template": [{"name": "tool_use", "template": "no"}, {"name": "default", "template": ALTERNATING}],
    }
    return tokenizer, config, None, {"model_type": "mistral", "eos_token_id": 2}


def metaspace():
    definition = json.loads(pieces()[0].to_str())
    vocabulary = definition["model"]["vocab"]
    vocabulary["▁▁"] = len(vocabulary)
    definition["model"]["merges"].append(["▁", "▁"])
    definition["normalizer"] = None
    definition["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
    return Tokenizer.from_str(json.dumps(definition)), {"eos_token": "</s>"}, None, {"model_type": "llama"}


def render(tokenizer, conversation, template, add_generation_prompt):
    try:
        return tokenizer.apply_chat_template(
            conversation, chat_template=template, add_generation_prompt=add_generation_prompt, tokenize=False
        )
    except Exception as error:  # the template's own refusal
        return {"error": str(error)}


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


cases = []
shutil.rmtree(FOLDER, ignore_errors=True)
for name, (tokenizer, config, template, model_config) in {
    "chatml": chatml(),
    "llama3": llama3(),
    "pieces": pieces(),
    "metaspace": metaspace(),
}.items():
    folder = FOLDER / name
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False) + "\n", encoding="utf-8")
    write(folder / "tokenizer_config.json", config)
    write(folder / "config.json", model_config)
    if template is not None:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    tokens = {
        key: value["content"] if isinstance(value, dict) else value
        for key, value in config.items()
        if key.endswith("_token") and value is not None
    }
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **tokens)
    template = template or {"chatml": CHATML, "pieces": ALTERNATING}.get(name)
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        cases.append(
            {
                "tokenizer": name,
                "text": text,
                "ids": ids,
                "idsWithSpecialTokens": tokenizer.encode(text, add_special_tokens=True).ids,
                "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            }
        )
    for conversation in CONVERSATIONS if template else []:
        cases.append(
            {
                "tokenizer": name,
                "messages": conversation,
                "rendered": render(fast, conversation, template, False),
                "renderedWithGenerationPrompt": render(fast, conversation, template, True),
            }
        )

write_golden(
    GOLDEN / "tokenizers.json",
    "make_tokenizers.py",
    None,
    "Ids of texts, and conversations written by chat templates",
    {
        "encodings": [case for case in cases if "text" in case],
        "conversations": [case for case in cases if "messages" in case],
    },
    tokenizers=tokenizers.__version__,
)
