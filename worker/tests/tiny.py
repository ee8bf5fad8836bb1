"""Models of every family in miniature: random weights, a real tokenizer and processor, a template in their style."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import transformers as t
from PIL import Image
from tokenizers import Tokenizer, processors
from transformers.utils import is_torchvision_available

from winnow_worker.families.processor import without_video

OLD = t.__version__ < "5"
FAMILIES = [
    "llava", "llava_next", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "internvl", "idefics3", "smolvlm", "gemma3",
    "paligemma",
]  # fmt: skip
if OLD and not is_torchvision_available():
    FAMILIES.remove("smolvlm")  # whose processor can't be imported then
MICRO = Path(__file__).resolve().parents[2] / "models" / "micro-vlm"

TEXT = "{% for p in m['content'] %}{% if p['type'] == 'image' %}IMAGE{% else %}{{ p['text'] }}{% endif %}{% endfor %}"
VICUNA = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ 'ASSISTANT: ' }}TEXT{{ '</s>' }}{% else %}"
    "{{ 'USER: ' }}TEXT{{ ' ' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
CHATML = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}<|im_start|>system\nBe helpful.<|im_end|>\n"
    "{% endif %}<|im_start|>{{ m['role'] }}\nTEXT<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
IDEFICS = (
    "<|im_start|>{% for m in messages %}{{ m['role'] | capitalize }}"
    "{% if m['content'] and m['content'][0]['type'] == 'image' %}:{% else %}: {% endif %}TEXT"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
GEMMA = (
    "<s>{% for m in messages %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\nTEXT"
    "<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def template(shape: str, image: str) -> str:
    return shape.replace("TEXT", TEXT.replace("IMAGE", image))


def tokenizer(
    added: list[str], named: dict[str, str], bos: bool, eos: str, cls: type = t.PreTrainedTokenizerFast
) -> t.PreTrainedTokenizerFast:
    """The micro model's byte-level BPE with a family's own special tokens."""
    base = Tokenizer.from_file(str(MICRO / "tokenizer.json"))
    if not bos:
        base.post_processor = processors.ByteLevel(trim_offsets=True)
    made = cls(
        tokenizer_object=base, bos_token="<s>", eos_token=eos, pad_token="<pad>", clean_up_tokenization_spaces=False,
        extra_special_tokens=named,
    )  # fmt: skip
    made.add_tokens(added, special_tokens=True)
    return made


def text_config(cls: type, vocab: int, **more) -> t.PretrainedConfig:
    """Three layers, grouped heads."""
    return cls(
        vocab_size=vocab, hidden_size=48, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=12, max_position_embeddings=1024, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, **more,
    )  # fmt: skip


SIGHT = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=32)


def make(family: str, folder: Path) -> Path:
    """Write a model of a family, as `save_pretrained` does."""
    model, processor = globals()[f"make_{family}"]()
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            flat = p.ndim == 1
            p.copy_(
                ("norm" in name and "bias" not in name and family != "gemma3") + 0.1 * noise if flat else noise * 0.2
            )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def pil(name: str):
    return getattr(t, name + "Pil", None) or getattr(t, name)


def make_llava():
    tok = tokenizer([], {}, True, "</s>")
    shape = {"height": 32, "width": 32}
    images = pil("CLIPImageProcessor")(size=shape, crop_size=shape)
    processor = t.LlavaProcessor(
        images, tok, patch_size=8, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=template(VICUNA, "<image>\n"),
    )  # fmt: skip
    config = t.LlavaConfig(
        vision_config=t.CLIPVisionConfig(**SIGHT, patch_size=8), text_config=text_config(t.LlamaConfig, len(tok)),
        image_token_index=3, vision_feature_layer=-2, vision_feature_select_strategy="default", image_seq_length=16,
    )  # fmt: skip
    return t.LlavaForConditionalGeneration(config), processor


def make_llava_next():
    tok = tokenizer([], {}, True, "</s>")
    grid = [[32, 64], [64, 32], [64, 64]]
    images = pil("LlavaNextImageProcessor")(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, image_grid_pinpoints=grid
    )
    processor = t.LlavaNextProcessor(
        images, tok, patch_size=8, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=template(VICUNA, "<image>\n"),
    )  # fmt: skip
    config = t.LlavaNextConfig(
        vision_config=t.CLIPVisionConfig(**SIGHT, patch_size=8),
        text_config=text_config(t.MistralConfig, len(tok), sliding_window=None),
        image_token_index=3, image_grid_pinpoints=grid, vision_feature_layer=-2,
    )  # fmt: skip
    return t.LlavaNextForConditionalGeneration(config), processor


ROPE = "rope_scaling" if OLD else "rope_parameters"
QWEN = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]


def qwen(kind: str, vision: dict, text: str, **text_options):
    tok = tokenizer(QWEN, {}, False, "<|im_end|>")
    ids = dict(zip(QWEN[2:], tok.convert_tokens_to_ids(QWEN[2:]), strict=True))
    size = {"shortest_edge": 32 * 32, "longest_edge": 72 * 72}
    patch = 16 if kind == "Qwen3VL" else 14
    images = pil("Qwen2VLImageProcessor")(
        size=size, patch_size=patch, merge_size=2, temporal_patch_size=2, min_pixels=1024, max_pixels=72 * 72
    )
    processor = without_video(getattr(t, f"{kind}Processor"))(
        images, tok, None, chat_template=template(CHATML, "<|vision_start|><|image_pad|><|vision_end|>")
    )
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 2, 2]}
    text_config_class = getattr(t, text)
    config = getattr(t, f"{kind}Config")(
        text_config=text_config(text_config_class, len(tok), **{ROPE: rope}, **text_options).to_dict(),
        vision_config=vision | {"patch_size": patch, "spatial_merge_size": 2, "temporal_patch_size": 2, "depth": 2},
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
    )  # fmt: skip
    return getattr(t, f"{kind}ForConditionalGeneration")(config), processor


def make_qwen2_vl():
    return qwen("Qwen2VL", {"embed_dim": 32, "hidden_size": 48, "num_heads": 4, "mlp_ratio": 2}, "Qwen2VLTextConfig")


def make_qwen2_5_vl():
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_heads": 4, "out_hidden_size": 48, "window_size": 56,
              "fullatt_block_indexes": [1]}  # fmt: skip
    return qwen("Qwen2_5_VL", vision, "Qwen2_5_VLTextConfig")


def make_qwen3_vl():
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_heads": 4, "out_hidden_size": 48,
              "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]}  # fmt: skip
    return qwen("Qwen3VL", vision, "Qwen3VLTextConfig")


def make_internvl():
    named = {
        "start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }  # fmt: skip
    tok = tokenizer(["<|im_start|>", "<|im_end|>"], named, False, "<|im_end|>")
    images = pil("GotOcr2ImageProcessor")(size={"height": 32, "width": 32}, crop_to_patches=True, max_patches=4)
    processor = without_video(t.InternVLProcessor)(
        images, tok, None, image_seq_length=4, chat_template=template(CHATML, "<IMG_CONTEXT>\n")
    )
    config = t.InternVLConfig(
        vision_config=t.InternVLVisionConfig(
            **(SIGHT | {"image_size": [32, 32]}), patch_size=[8, 8], use_qk_norm=False
        ),
        text_config=text_config(t.Qwen2Config, len(tok)), image_token_id=tok.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4, downsample_ratio=0.5,
    )  # fmt: skip
    return t.InternVLForConditionalGeneration(config), processor


def idefics(kind: str):
    tiles = [f"<row_{r}_col_{c}>" for r in range(1, 4) for c in range(1, 4)]
    added = ["<fake_token_around_image>", "<end_of_utterance>", "<global-img>", "<|im_start|>", *tiles]
    tok = tokenizer(added, {}, False, "<end_of_utterance>")
    images = pil(f"{kind}ImageProcessor")(
        size={"longest_edge": 64}, max_image_size={"longest_edge": 32}, do_image_splitting=True
    )
    options = {"image_seq_len": 4, "chat_template": template(IDEFICS, "<image>")}
    if kind == "Idefics3":
        processor = t.Idefics3Processor(images, tok, **options)
    else:
        processor = without_video(t.SmolVLMProcessor)(images, tok, None, **options)
    config = getattr(t, f"{kind}Config")(
        vision_config=SIGHT | {"patch_size": 8, "hidden_act": "gelu_pytorch_tanh"},
        text_config=text_config(t.LlamaConfig, len(tok)), image_token_id=3, scale_factor=2, pad_token_id=0,
        tie_word_embeddings=False,
    )  # fmt: skip
    return getattr(t, f"{kind}ForConditionalGeneration")(config), processor


def make_idefics3():
    return idefics("Idefics3")


def make_smolvlm():
    return idefics("SmolVLM")


def make_gemma3():
    named = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    tok = tokenizer(["<start_of_turn>", "<end_of_turn>"], named, True, "<end_of_turn>")
    images = pil("Gemma3ImageProcessor")(size={"height": 32, "width": 32})
    processor = t.Gemma3Processor(images, tok, image_seq_length=4, chat_template=template(GEMMA, "<start_of_image>"))
    ids = tok.convert_tokens_to_ids(["<start_of_image>", "<end_of_image>", "<image_soft_token>"])
    layers = ["sliding_attention", "sliding_attention", "full_attention"]
    config = t.Gemma3Config(
        text_config=text_config(
            t.Gemma3TextConfig, len(tok), sliding_window=24, layer_types=layers, query_pre_attn_scalar=12
        ),
        vision_config=t.SiglipVisionConfig(**SIGHT, patch_size=8, vision_use_head=False),
        mm_tokens_per_image=4, boi_token_index=ids[0], eoi_token_index=ids[1], image_token_index=ids[2],
    )  # fmt: skip
    return t.Gemma3ForConditionalGeneration(config), processor


def make_paligemma():
    cls = t.GemmaTokenizerFast if OLD else t.PreTrainedTokenizerFast
    tok = tokenizer([], {"image_token": "<image>"}, False, "</s>", cls)
    tok.add_bos_token = False
    images = pil("SiglipImageProcessor")(size={"height": 32, "width": 32})
    images.image_seq_length = 16
    processor = t.PaliGemmaProcessor(images, tok)
    config = t.PaliGemmaConfig(
        text_config=text_config(t.GemmaConfig, len(tok)).to_dict(), image_token_index=3, projection_dim=48,
        hidden_size=48,
        vision_config=t.SiglipVisionConfig(**SIGHT, patch_size=8, vision_use_head=False, projection_dim=48).to_dict(),
    )  # fmt: skip
    return t.PaliGemmaForConditionalGeneration(config), processor


def write_images(folder: Path) -> list[str]:
    """Pictures of several sizes."""
    rng = np.random.default_rng(3)
    names = []
    for i, (w, h) in enumerate([(40, 40), (64, 30), (30, 70), (40, 40)]):
        coarse = rng.integers(0, 255, (h // 8 + 1, w // 8 + 1, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((w, h), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
        names.append(f"{i}.png")
    return names


def conversation(*turns: tuple[str, str], images: tuple[int, ...] = (), at: int = 0, system: str = "") -> list[dict]:
    """Questions and answers, with images in front of question `at`."""
    messages = [{"role": "system", "content": [{"type": "text", "text": system}]}] if system else []
    for k, (question, answer) in enumerate(turns):
        shown = [{"type": "image", "image": i} for i in images] if k == at else []
        messages.append({"role": "user", "content": [*shown, {"type": "text", "text": question}]})
        messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
    return messages
