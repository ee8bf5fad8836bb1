"""Write what `transformers` makes of images and conversations: the reference of the TypeScript processors' tests.

Run: `python processing.py OUT`. OUT gets one folder a case (a model's processor files) and `expected.json`.
"""

# ruff: noqa: E501
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaTokenizer, PreTrainedTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.idefics3.processing_idefics3 import Idefics3Processor
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.llava.processing_llava import LlavaProcessor
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

TEXTS = [
    "USER: What colour is the large square? ASSISTANT: The large square is red.",
    "How many circles are left of the blue triangle? There are three circles.",
    "Describe the image in one sentence. A photograph of a cat that sleeps on a sofa.",
    "Naïve café — “quoted” text; 1,234.5 × 2 = 2469? Yes! \n New lines\n\nand\ttabs.",
    "System: You are a helpful assistant. User: answer with one word. Assistant: yes",
    "日本語のテキストと emoji 🙂 and русский текст",
]

# LLaVA 1.5's order (images first in a turn), with the answers marked so that transformers can say which tokens are
# the assistant's.
LLAVA = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ':' }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ ' ' }}{% endif %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
    "{% if message['role'] != 'assistant' %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' ' }}{% endfor %}"
    "{% else %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{% generation %}{{ ' ' + content['text'] }}{% endgeneration %}{{ ' ' }}{% endfor %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
MICRO = (
    "{%- for message in messages -%}{%- if message.role == 'user' -%}USER: "
    "{%- for part in message.content if part.type == 'image' -%}{{ ' <image>\n' if loop.first else '<image>\n' }}{%- endfor -%}"
    "{%- for part in message.content if part.type == 'text' -%}{{ part.text }}{%- endfor -%}{{ ' ' }}"
    "{%- elif message.role == 'assistant' -%}{{ 'ASSISTANT:' }}{% generation %}{{ ' ' }}"
    "{%- for part in message.content if part.type == 'text' -%}{{ part.text }}{%- endfor -%}{{ '</s>' }}{% endgeneration %}"
    "{%- else -%}{%- for part in message.content if part.type == 'text' -%}{{ part.text }} {% endfor -%}{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}ASSISTANT:{%- endif -%}"
)
IDEFICS = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' or message['role'] == 'assistant' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ ' ' }}{% for line in message['content'] %}{{ line['text'] }}{% endfor %}"
    "{{ '<end_of_utterance>' }}{% endgeneration %}{{ '\n' }}{% else %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
CHATML = (
    "{% for message in messages %}\n    {% if message.role == 'assistant' %}\n"
    "{{ '<|im_start|>assistant\n' }}{% generation %}{% for part in message.content %}{{ part.text }}{% endfor %}"
    "{{ '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ '<|im_start|>' + message.role + '\n' }}{% for part in message.content %}"
    "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{% endfor %}{{ '<|im_end|>\n' }}{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# The header that the generation prompt writes is not the header of a turn: only the marks show where an answer begins.
MARKS_ONLY = CHATML.replace(
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}",
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>' }}",
)
NO_RULE = MARKS_ONLY.replace("{% generation %}", "").replace("{% endgeneration %}", "")


def llama_tokenizer() -> LlamaTokenizer:
    """Llama's class: BPE over Metaspace with byte fallback, BOS in front."""
    raw = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    # Trained on words, as sentencepiece does: no token spans a space, though nothing splits at spaces when encoding.
    raw.pre_tokenizer = pre_tokenizers.Metaspace()
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=specials, show_progress=False, limit_alphabet=80)
    raw.train_from_iterator(TEXTS[:5], trainer)
    state = json.loads(raw.to_str())["model"]
    merges = [tuple(m) for m in state["merges"]]
    tokenizer = LlamaTokenizer(vocab=state["vocab"], merges=merges)
    tokenizer.add_bos_token = True
    return finish(tokenizer, ["<image>"], {"image_token": "<image>"})


def byte_level_tokenizer(bos: str | None, eos: str, extra: list[str]) -> PreTrainedTokenizerFast:
    """GPT-2's class: byte-level BPE."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    named = [t for t in [bos, eos] if t]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=480, special_tokens=named, initial_alphabet=alphabet, show_progress=False)
    raw.train_from_iterator(TEXTS, trainer)
    if bos:
        raw.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, raw.token_to_id(bos))]
        )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, bos_token=bos, eos_token=eos, pad_token=eos)
    return finish(tokenizer, extra, {})


def finish(tokenizer, extra: list[str], named: dict[str, str]):
    tokenizer.add_special_tokens({"additional_special_tokens": extra})
    tokenizer.model_max_length = 2048
    for name, token in named.items():
        setattr(tokenizer, name, token)
    return tokenizer


def rows_and_columns(n: int) -> list[str]:
    return [f"<row_{r}_col_{c}>" for r in range(1, n + 1) for c in range(1, n + 1)]


def cases() -> dict:
    """Processor, model type and configuration of each case."""
    clip = {"size": {"shortest_edge": 56}, "crop_size": {"height": 56, "width": 56}}
    llava = {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
    chatml = byte_level_tokenizer(None, "<|im_end|>", ["<|im_start|>", "<image>"])
    idefics = byte_level_tokenizer(
        None,
        "<end_of_utterance>",
        ["<|im_start|>", "<fake_token_around_image>", "<image>", "<global-img>", *rows_and_columns(4)],
    )
    tiles = Idefics3ImageProcessorPil(size={"longest_edge": 96}, max_image_size={"longest_edge": 32})
    whole = Idefics3ImageProcessorPil(
        size={"longest_edge": 32}, max_image_size={"longest_edge": 32}, do_image_splitting=False
    )
    square = SiglipImageProcessorPil(size={"height": 64, "width": 64}, resample=2)
    full = {"patch_size": 8, "vision_feature_select_strategy": "full", "num_additional_image_tokens": 0}
    padded = LlavaImageProcessorPil(do_pad=True, **clip)
    micro = byte_level_tokenizer("<s>", "</s>", ["<image>"])
    return {
        "llava": (
            LlavaProcessor(CLIPImageProcessorPil(**clip), llama_tokenizer(), **llava, chat_template=LLAVA),
            "llava",
        ),
        "micro": (LlavaProcessor(square, micro, **full, chat_template=MICRO), "llava"),
        "chatml": (LlavaProcessor(padded, chatml, **llava, chat_template=CHATML), "llava"),
        "marks": (LlavaProcessor(padded, chatml, **llava, chat_template=MARKS_ONLY), "llava"),
        "no-rule": (LlavaProcessor(padded, chatml, **llava, chat_template=NO_RULE), "llava"),
        "idefics3": (Idefics3Processor(tiles, idefics, image_seq_len=4, chat_template=IDEFICS), "idefics3"),
        "idefics3-whole": (Idefics3Processor(whole, idefics, image_seq_len=4, chat_template=IDEFICS), "idefics3"),
    }


def write_images(folder: Path) -> list[str]:
    """Pictures of several sizes: smooth, noisy, lossless and JPEG."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    names = []
    sizes = [(64, 48), (200, 150), (37, 91), (56, 56), (130, 20), (301, 199)]
    for i, (width, height) in enumerate(sizes):
        coarse = Image.fromarray(random.integers(0, 256, (5, 7, 3), dtype=np.uint8)).resize((width, height), 3)
        noise = random.integers(-20, 21, (height, width, 3))
        picture = Image.fromarray(np.clip(np.asarray(coarse).astype(int) + noise, 0, 255).astype(np.uint8))
        name = f"{i}.{'jpg' if i % 3 == 1 else 'png'}"
        picture.save(folder / name)
        names.append(name)
    return names


def conversations() -> list[list[dict]]:
    def text(value: str) -> dict:
        return {"type": "text", "text": value}

    def image(index: int) -> dict:
        return {"type": "image", "image": index}

    def turn(role: str, *parts: dict) -> dict:
        return {"role": role, "content": list(parts)}

    return [
        [turn("user", image(0), text("What colour is it?")), turn("assistant", text("It is red."))],
        [turn("user", text("Only text, no image.")), turn("assistant", text("Fine; 1,234.5 × 2 — “ok” 🙂"))],
        [
            turn("user", image(1), image(2), text("Compare both.\nIn two lines.")),
            turn("assistant", text("First line.\nSecond line.")),
            turn("user", text("And now?")),
            turn("assistant", text("日本語 and  two  spaces")),
        ],
        [
            turn("system", text("You are terse.")),
            turn("user", image(3), text("A?")),
            turn("assistant", text("b")),
            turn("user", image(4), text("C?")),
            turn("assistant", text("Yes, \n\n it is.")),
            turn("user", text("A question without an answer")),
        ],
        [turn("user", image(5), text("  leading and trailing  ")), turn("assistant", text("naïve café\t!"))],
    ]


def expected(processor, messages: list[dict], images: list[Image.Image], marked: bool) -> dict:
    """Ids, the assistant's mask and the pixels of one conversation."""
    used = [images[part["image"]] for turn in messages for part in turn["content"] if part["type"] == "image"]
    chat = [
        {
            **turn,
            "content": [
                p if p["type"] == "text" else {"type": "image", "image": images[p["image"]]} for p in turn["content"]
            ],
        }
        for turn in messages
    ]
    out = processor.apply_chat_template(
        chat, tokenize=True, return_dict=True, return_assistant_tokens_mask=marked, return_tensors=None
    )
    ids = out["input_ids"]
    mask = out.get("assistant_masks")
    result = {"ids": list(map(int, ids[0] if isinstance(ids[0], list) else ids))}
    if mask is not None:
        result["mask"] = list(map(int, mask[0] if isinstance(mask[0], list) else mask))
    if used:
        result["images"] = [part["image"] for turn in messages for part in turn["content"] if part["type"] == "image"]
    return result


def pixels(processor, images: list[Image.Image], folder: Path) -> list[list[int]]:
    """Pixel values of each image alone, as float32 files; returns their dimensions without the batch axis."""
    dims = []
    for i, picture in enumerate(images):
        values = np.asarray(processor.image_processor([picture], return_tensors="np")["pixel_values"], dtype=np.float32)
        values = values[0] if values.ndim == 5 else values
        (folder / f"pixels-{i}.bin").write_bytes(np.ascontiguousarray(values).tobytes())
        dims.append(list(values.shape))
    return dims


def main(out: Path) -> None:
    names = write_images(out / "images")
    images = [Image.open(out / "images" / name).convert("RGB") for name in names]
    summary = {"images": names, "conversations": conversations(), "cases": {}}
    for name, (processor, model_type) in cases().items():
        folder = out / name
        processor.save_pretrained(folder)
        (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
        summary["cases"][name] = {
            "dims": pixels(processor, images, folder),
            "conversations": [expected(processor, c, images, name != "no-rule") for c in conversations()],
        }
    (out / "expected.json").write_text(json.dumps(summary))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
