"""The plain computation that the worker is compared with: `transformers` alone, one row at a time, nothing shared.

What an answer covers is found here in another way than in the worker: by the lengths of the conversation's beginnings
as the processor itself expands them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText
from transformers import __version__ as version

from winnow_worker.data import Sample
from winnow_worker.families.processor import load_processor


class Plain:
    """A model with eager attention and its own processor. `ids`: of the image tokens and of their frame."""

    def __init__(self, folder: Path, media: Path) -> None:
        self.net = AutoModelForImageTextToText.from_pretrained(folder, attn_implementation="eager").eval()
        self.processor, self.media = load_processor(folder), media
        self.kind = self.net.config.model_type

    def inputs(self, sample: Sample, messages: list[dict]) -> tuple[dict, list[int]]:
        """What the processor makes of a conversation, and the positions of what is trained."""
        if self.kind == "paligemma":
            return self.prefix_inputs(sample, messages)
        full = self.call(sample, messages, False)
        tokenizer = self.processor.tokenizer
        ids, trained = full["input_ids"][0].tolist(), []
        for k, message in enumerate(messages):
            if message["role"] == "assistant":
                start = len(self.call(sample, messages[:k], True)["input_ids"][0])
                end = len(self.call(sample, messages[: k + 1], False)["input_ids"][0])
                while tokenizer.decode([ids[end - 1]]).isspace():
                    end -= 1
                trained += range(start, end)
        return full, trained

    def call(self, sample: Sample, messages: list[dict], prompt: bool) -> dict:
        text = self.processor.apply_chat_template(messages, add_generation_prompt=prompt, tokenize=False)
        order = [p["image"] for m in messages for p in m["content"] if p["type"] == "image"]
        images = [Image.open(self.media / sample.images[i]).convert("RGB") for i in order]
        tokenizer = self.processor.tokenizer
        special = not (tokenizer.bos_token and text.startswith(tokenizer.bos_token))
        images = {"images": [images]} if images else {}
        return dict(self.processor(text=[text], **images, return_tensors="pt", add_special_tokens=special))

    def prefix_inputs(self, sample: Sample, messages: list[dict]) -> tuple[dict, list[int]]:
        question, answer = ("".join(p["text"] for p in m["content"] if p["type"] == "text") for m in messages)
        order = [p["image"] for m in messages for p in m["content"] if p["type"] == "image"]
        if not order:
            tokenizer = self.processor.tokenizer
            head = tokenizer("<s>" + question + "\n", add_special_tokens=False)["input_ids"]
            tail = tokenizer(answer, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
            kinds = torch.tensor([[0] * len(head) + [1] * len(tail)])
            full = {"input_ids": torch.tensor([head + tail]), "token_type_ids": kinds}
            full["attention_mask"] = torch.ones_like(kinds)
        else:
            images = [Image.open(self.media / sample.images[i]).convert("RGB") for i in order]
            marks = "<image>" * len(images)
            full = dict(self.processor(text=[marks + question], images=[images], suffix=[answer], return_tensors="pt"))
            full.pop("labels", None)
        at = torch.nonzero(full["token_type_ids"][0] == 1)[:, 0].tolist()
        return full, at

    def image_mask(self, full: dict) -> torch.Tensor:
        config = self.net.config
        token = getattr(config, "image_token_id", None) or config.image_token_index
        return full["input_ids"][0] == token

    def positions(self, full: dict) -> torch.Tensor:
        """As the forward pass numbers a whole conversation: told explicitly, so that masks don't renumber it."""
        length = full["input_ids"].shape[1]
        if "image_grid_thw" in full:
            # Transformers 5 wants to be told what is an image; 4.57 finds out.
            kinds = {"mm_token_type_ids": self.image_mask(full)[None].long()} if version >= "5" else {}
            place, _ = self.net.model.get_rope_index(
                full["input_ids"], image_grid_thw=full["image_grid_thw"], attention_mask=torch.ones(1, length), **kinds
            )
            return place
        line = torch.arange(length)[None] + (self.kind == "paligemma")
        return line[None].expand(3, 1, -1).clone() if self.kind.startswith("qwen") else line

    @torch.inference_mode()
    def forward(self, full: dict, **options):
        return self.net(**{**full, "use_cache": False, **options})

    def losses(self, full: dict, trained: list[int], **options) -> np.ndarray:
        """-log p of every trained token that something precedes."""
        logp = torch.log_softmax(self.forward(full, **options).logits[0].double(), -1)
        ids = full["input_ids"][0]
        return np.array([-logp[t - 1, ids[t]].item() for t in trained if t > 0])

    def errors(self, sample: Sample) -> tuple[float, float]:
        """EL2N and AUM by their definitions: against the one-hot vector, and the best other word."""
        full, trained = self.inputs(sample, sample.messages)
        at = torch.tensor([t for t in trained if t > 0])
        p = self.forward(full).logits[0, at - 1].double().softmax(-1)
        right = torch.nn.functional.one_hot(full["input_ids"][0, at], p.shape[1])
        margin = (p * right).sum(1) - p.masked_fill(right == 1, -1).amax(1)
        return (p - right).norm(dim=1).mean().item(), margin.mean().item()

    def image(self, sample: Sample) -> np.ndarray:
        return self.losses(*self.inputs(sample, sample.messages))

    def masked(self, sample: Sample) -> np.ndarray:
        """The image is there, in its place, and nobody attends to it."""
        full, trained = self.inputs(sample, sample.messages)
        places = self.positions(full)
        full["attention_mask"] = (~self.image_mask(full)).long()[None]
        return self.losses(full, trained, position_ids=places)

    def without(self, sample: Sample, slot: bool) -> np.ndarray:
        """Each image's whole expansion becomes one masked slot, or nothing."""
        full, trained = self.inputs(sample, sample.messages)
        ids, kinds = full["input_ids"][0], full.get("token_type_ids")
        keep = torch.ones(len(ids), dtype=torch.bool)
        seen = torch.ones(len(ids), dtype=torch.long)
        ids = ids.clone()
        for start, end in self.frames(sample, sample.messages):
            keep[start:end] = False
            if slot:
                keep[start], seen[start], ids[start] = True, 0, 0
        moved = torch.cumsum(keep, 0) - 1
        short = {"input_ids": ids[keep][None], "attention_mask": seen[keep][None]}
        if kinds is not None:
            image = self.image_mask(full)
            kind = torch.where(image, 0, kinds[0]) if self.kind == "gemma3" else kinds[0]
            short["token_type_ids"] = kind[keep][None]
        line = torch.arange(int(keep.sum()))[None] + (self.kind == "paligemma")
        places = line[None].expand(3, 1, -1).clone() if self.kind.startswith("qwen") else line
        return self.losses(short, [int(moved[t]) for t in trained], position_ids=places)

    @torch.inference_mode()
    def attention(self, sample: Sample) -> np.ndarray:
        """XMAS eq. 4: the whole square map of every layer, then its block, then its singular values."""
        full, trained = self.inputs(sample, sample.messages)
        kept: list[torch.Tensor] = []
        inner = self.net.model
        layers = (getattr(inner, "language_model", None) or inner.text_model).layers
        hooks = [
            getattr(layer.self_attn, name).register_forward_hook(lambda _m, _i, out: kept.append(out[0].double()))
            for layer in layers for name in ("q_proj", "k_proj")
        ]  # fmt: skip
        self.forward(full)
        for hook in hooks:
            hook.remove()
        config = self.net.config.get_text_config()
        each = config.num_attention_heads // config.num_key_value_heads
        total = 0.0
        for q, k in zip(kept[::2], kept[1::2], strict=True):
            k = k.reshape(len(k), config.num_key_value_heads, -1).repeat_interleave(each, dim=1).reshape(len(k), -1)
            total = total + torch.softmax(q @ k.T / q.shape[1] ** 0.5, dim=-1)
        text, image = self.text_rows(full, sample)
        return torch.linalg.svdvals(total[text][:, image])[:5].numpy()

    def text_rows(self, full: dict, sample: Sample) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows behind the first image that belong to no image's expansion, and image columns."""
        image = self.image_mask(full)
        inside = torch.zeros_like(image)
        frames = self.frames(sample, sample.messages)
        for start, end in frames:
            inside[start:end] = True
        return ~inside & (torch.arange(len(image)) >= frames[0][1]), image

    def frames(self, sample: Sample, messages: list[dict]) -> list[tuple[int, int]]:
        """Where each image's expansion is: its place in the unexpanded text, and how long it is by itself."""
        if self.kind == "paligemma":
            order = [p["image"] for m in messages for p in m["content"] if p["type"] == "image"]
            return [(16 * i, 16 * i + 16) for i in range(len(order))]
        text = self.processor.apply_chat_template(messages, tokenize=False)
        tokenizer = self.processor.tokenizer
        mark = getattr(self.processor, "boi_token", None) or self.processor.image_token
        special = not (tokenizer.bos_token and text.startswith(tokenizer.bos_token))
        ids = tokenizer(text, add_special_tokens=special)["input_ids"]
        order = [p["image"] for m in messages for p in m["content"] if p["type"] == "image"]
        frames, longer = [], 0
        for at, i in zip(
            [k for k, t in enumerate(ids) if t == tokenizer.convert_tokens_to_ids(mark)], order, strict=True
        ):
            image = Image.open(self.media / sample.images[i]).convert("RGB")
            alone = self.processor(text=[mark], images=[[image]], return_tensors="pt", add_special_tokens=False)
            length = alone["input_ids"].shape[1]
            frames.append((at + longer, at + longer + length))
            longer += length - 1
        return frames
