"""Small models of random weights, one a family, with cases and the losses `transformers` computes for them.

`python -m winnow_worker.export.fixtures <folder>` writes `<folder>/<family>/`: the model, its ONNX graphs and
`cases.json`: token ids, spans, masks, the file of pixels and expected losses per response token.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import (
    CLIPVisionConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    MistralConfig,
    Qwen2Config,
    SiglipVisionConfig,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)

from .vlm import export_vlm

PAD, BOS, IMAGE, FAKE, TILE = 0, 1, 3, 4, 5
FAMILIES = ("llava-llama", "llava-mistral", "llava-qwen2", "llava-siglip", "idefics3", "smolvlm")


def tiny_model(family: str) -> nn.Module:
    """A model of a family, with weights large enough that losses depend on every part."""
    torch.manual_seed(7)
    text = dict(
        vocab_size=199, hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, pad_token_id=PAD, bos_token_id=BOS, eos_token_id=2,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
    )  # fmt: skip
    sight = dict(
        hidden_size=32, intermediate_size=56, num_hidden_layers=3, num_attention_heads=4, image_size=32, patch_size=8,
    )  # fmt: skip
    if family == "llava-llama":
        vision = CLIPVisionConfig(**sight, hidden_act="quick_gelu")
        config = LlavaConfig(
            vision_config=vision, text_config=LlamaConfig(**text), image_token_index=IMAGE, vision_feature_layer=-2,
        )  # fmt: skip
    elif family == "llava-mistral":
        vision = CLIPVisionConfig(**sight, hidden_act="gelu")
        mistral = MistralConfig(**text, head_dim=16, sliding_window=None)
        config = LlavaConfig(
            vision_config=vision, text_config=mistral, image_token_index=IMAGE, vision_feature_layer=[-3, -1],
        )  # fmt: skip
    elif family == "llava-qwen2":
        vision = CLIPVisionConfig(**sight)
        config = LlavaConfig(
            vision_config=vision,
            text_config=Qwen2Config(**text, tie_word_embeddings=True),
            image_token_index=IMAGE,
            vision_feature_layer=-1,
        )
    elif family == "llava-siglip":
        vision = SiglipVisionConfig(**sight, vision_use_head=False)
        llama3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0}
        llama3 |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 64}
        config = LlavaConfig(
            vision_config=vision, text_config=LlamaConfig(**(text | {"rope_parameters": llama3})),
            image_token_index=IMAGE,
            vision_feature_layer=-1, vision_feature_select_strategy="full",
        )  # fmt: skip
    else:
        kind = Idefics3Config if family == "idefics3" else SmolVLMConfig
        config = kind(
            vision_config=sight | {"hidden_act": "gelu_pytorch_tanh"}, text_config=LlamaConfig(**text),
            image_token_id=IMAGE, scale_factor=2, tie_word_embeddings=family == "smolvlm", pad_token_id=PAD,
        )  # fmt: skip
        config.text_config.tie_word_embeddings = family == "smolvlm"
        maker = Idefics3ForConditionalGeneration if family == "idefics3" else SmolVLMForConditionalGeneration
        return scaled(maker(config))
    return scaled(LlavaForConditionalGeneration(config))


def scaled(model: nn.Module) -> nn.Module:
    """Random weights of a size at which attention and images matter, exact in fp16."""
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            if p.ndim == 1:
                p.copy_(("norm" in name and "bias" not in name) + 0.1 * noise)
            else:
                p.copy_(noise * (0.5 if "embed" in name else 1.2 / p[0].numel() ** 0.5))
            p.copy_(p.half().float())
    return model.eval()


def tiles_of(family: str, pick: random.Random) -> tuple[int, int]:
    """Rows and columns an image is cut into; (0, 0): not cut."""
    return pick.choice([(0, 0), (1, 2), (2, 2)]) if family in ("idefics3", "smolvlm") else (0, 0)


def image_tokens(model: nn.Module) -> int:
    c = model.config
    patches = (c.vision_config.image_size // c.vision_config.patch_size) ** 2
    if hasattr(c, "scale_factor"):
        return patches // c.scale_factor**2
    return patches + (c.vision_feature_select_strategy == "full" and c.vision_config.model_type == "clip_vision_model")


def make_cases(family: str, model: nn.Module, count: int = 18) -> tuple[list[dict], list[tuple[int, int]]]:
    """Conversations of mixed lengths: none, one or several images, several turns, and some that share an opening."""
    pick = random.Random(5)
    tokens = image_tokens(model)
    cut = family in ("idefics3", "smolvlm")
    library = [tiles_of(family, pick) for _ in range(4)]
    cases = []
    for row in range(count):
        images = [[], [row % 3], [0], [pick.randrange(4), pick.randrange(4)]][row % 4]
        ids, response, spans, blocks = [BOS, *words(pick, 2)], [0] * 3, [], []
        for index, image in enumerate(images):
            rows, cols = library[image]
            start = len(ids)
            for _ in range(rows * cols + 1):
                ids += [FAKE, TILE] if cut else []
                spans.append({"image": index, "start": len(ids), "end": len(ids) + tokens})
                ids += [IMAGE] * tokens
            ids += [FAKE] if cut else []
            blocks.append({"image": index, "start": start, "end": len(ids)})
            ids += words(pick, pick.randrange(3))
            response += [0] * (len(ids) - len(response))
        for _ in range(pick.choice([1, 1, 2])):
            question, answer = words(pick, pick.randrange(3, 14)), words(pick, pick.randrange(1, 9))
            ids += question + answer
            response += [0] * len(question) + [1] * len(answer)
        cases.append({"ids": ids, "response": response, "images": images, "spans": spans, "blocks": blocks})
    return cases, library


def words(pick: random.Random, count: int) -> list[int]:
    return [pick.randrange(6, 199) for _ in range(count)]


def reference(model: nn.Module, case: dict, pixels: list[np.ndarray], masks: list[np.ndarray | None]) -> dict:
    """Losses per response token as `transformers` computes them: with the images, and without in three ways."""
    ids = case["ids"]
    extra = {}
    if case["images"]:
        if masks[0] is None:
            extra["pixel_values"] = torch.from_numpy(np.concatenate([pixels[i] for i in case["images"]]))
        else:
            extra["pixel_values"] = torch.from_numpy(np.concatenate([pixels[i] for i in case["images"]]))[None]
            both = np.concatenate([masks[i] for i in case["images"]])
            extra["pixel_attention_mask"] = torch.from_numpy(both)[None].long()
    out = {"multimodal": losses(model, ids, case["response"], [1] * len(ids), **extra)}
    keep = [1] * len(ids)
    for span in case["spans"]:
        keep[span["start"] : span["end"]] = [0] * (span["end"] - span["start"])
    out["masked"] = losses(model, ids, case["response"], keep)
    for variant in ("drop", "remove"):
        short, mask, response = [], [], []
        blocks = {block["start"]: block["end"] for block in case["blocks"]}
        at = 0
        while at < len(ids):
            if at in blocks:
                slot = variant == "drop"
                short, mask, response = short + [PAD] * slot, mask + [0] * slot, response + [0] * slot
                at = blocks[at]
            else:
                short, mask, response = [*short, ids[at]], [*mask, 1], [*response, case["response"][at]]
                at += 1
        out[variant] = losses(model, short, response, mask)
    return out


@torch.inference_mode()
def losses(model: nn.Module, ids: list[int], response: list[int], mask: list[int], **extra: object) -> list[float]:
    """One row, padded on the right as a batch would be, with explicit position ids."""
    padded = torch.tensor([ids + [PAD] * 5])
    seen = torch.tensor([mask + [0] * 5])
    positions = torch.arange(padded.shape[1])[None]
    logits = model(input_ids=padded, attention_mask=seen, position_ids=positions, use_cache=False, **extra).logits[0]
    logp = torch.log_softmax(logits.double(), -1)
    return [-logp[t - 1, ids[t]].item() for t in range(1, len(ids)) if response[t]]


def write_fixture(family: str, folder: Path) -> None:
    model = tiny_model(family)
    model.save_pretrained(folder)
    cases, library = make_cases(family, model)
    size = model.config.vision_config.image_size
    rng = np.random.default_rng(3)
    pixels, masks = [], []
    for rows, cols in library:
        tiles = rows * cols + 1
        pixels.append(rng.standard_normal((tiles, 3, size, size), dtype=np.float32))
        mask = None
        if hasattr(model.config, "scale_factor"):
            mask = np.ones((tiles, size, size), np.uint8)
            if tiles == 1:  # an image that isn't cut is padded to a square
                mask[:, size * 5 // 8 :, :] = 0
                mask[:, :, size * 7 // 8 :] = 0
                pixels[-1] *= mask[:, None]
        masks.append(mask)
    for case in cases:
        case["losses"] = reference(model, case, pixels, masks)
    np.concatenate([p.ravel() for p in pixels]).tofile(folder / "pixels.f32")
    images = []
    for p, m in zip(pixels, masks, strict=True):
        real = None if m is None else {"height": int(m[0, :, 0].sum()), "width": int(m[0, 0, :].sum())}
        images.append({"tiles": len(p), "size": size, "tokens": len(p) * image_tokens(model), "real": real})
    export_vlm(folder, folder)
    (folder / "cases.json").write_text(json.dumps({"family": family, "images": images, "cases": cases}))


def main() -> int:
    target = Path(sys.argv[1])
    torch.set_num_threads(1)  # the models are too small for more, and waiting threads cost on a busy machine
    for family in sys.argv[2:] or FAMILIES:
        write_fixture(family, target / family)
        print(target / family)
    return 0


if __name__ == "__main__":
    sys.exit(main())
