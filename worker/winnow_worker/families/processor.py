"""A model's processor. ForwardResults images needs nothing of its video part, whose packages may not be there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def load_processor(folder: Path):
    """The processor of a folder; without its video part where torchvision (or num2words, for SmolVLM) is missing."""
    from transformers import AutoProcessor
    from transformers.utils import is_torchvision_available

    if is_torchvision_available():
        return AutoProcessor.from_pretrained(folder, trust_remote_code=False)
    name = processor_class(folder)
    takes_video = name is not None and "video_processor" in parts_of(name)
    chosen = without_video(name) if takes_video else AutoProcessor
    return chosen.from_pretrained(folder, trust_remote_code=False)


def complete(processor: Any, config: Any, folder: Path) -> None:
    """Give a processor of LLaVA's kind what was saved before it had these fields: the size of a patch, which positions
    of the tower are taken, and how many of them are no patch (CLIP's class)."""
    vision = getattr(config, "vision_config", None)
    if getattr(processor, "patch_size", ...) is None:
        processor.patch_size = getattr(vision, "patch_size", None)
    if getattr(processor, "vision_feature_select_strategy", ...) is None:
        processor.vision_feature_select_strategy = getattr(config, "vision_feature_select_strategy", "default")
    path = folder / "processor_config.json"
    stated = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if hasattr(processor, "num_additional_image_tokens") and "num_additional_image_tokens" not in stated:
        processor.num_additional_image_tokens = 0 if getattr(vision, "model_type", "") == "siglip_vision_model" else 1


def processor_class(folder: Path) -> type | None:
    """The class that the folder's files name."""
    import transformers

    for file in ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json"):
        path = folder / file
        name = json.loads(path.read_text(encoding="utf-8")).get("processor_class") if path.exists() else None
        if name:
            return getattr(transformers, name, None)
    return None


def parts_of(cls: type) -> list[str]:
    """Names of a processor's parts in the order of its arguments; before transformers 5 the class lists them."""
    return cls.get_attributes() if hasattr(cls, "get_attributes") else list(cls.attributes)


def without_video(cls: type) -> type:
    """A processor class that neither loads nor checks a video processor."""
    module = sys.modules[cls.__module__]
    if getattr(module, "num2words", ...) is None:
        module.num2words = str  # SmolVLM spells out the length of videos with it, and refuses to start without it.

    from transformers import ProcessorMixin

    full = parts_of(cls)
    place = full.index("video_processor")

    class WithoutVideo(cls):
        attributes = [name for name in full if name != "video_processor"]
        apply_chat_template = ProcessorMixin.apply_chat_template  # SmolVLM's own asks how many frames a video has

        @classmethod
        def get_attributes(cls) -> list[str]:
            return cls.attributes

        @classmethod
        def from_args_and_dict(cls, args, processor_dict, **options):
            given = {k: v for k, v in processor_dict.items() if k != "video_processor"}
            return super().from_args_and_dict([*args[:place], None, *args[place:]], given, **options)

        def check_argument_for_proper_class(self, name, argument) -> None:
            """The check looks up video classes, which are not there."""

    WithoutVideo.__name__ = cls.__name__
    return WithoutVideo


class PixelCall:
    """How a processor calls its image processor: learnt from one call, so that further images need no text beside them.
    `repeats`: whether the call by itself gave the very tensors that the processor gave."""

    def __init__(self) -> None:
        self.repeats = False
        self.call: Callable[[Any], Any] | None = None

    def again(self, image) -> Any:
        """Pixels of another image."""
        return self.call(image)

    def watch(self, processor, image, text: str) -> tuple[Any, PixelCall]:
        """The processor's output for one image, and the call as it was seen; of a text with one placeholder."""
        real, seen = processor.image_processor, []

        def watched(images, *others, **options):
            seen.append((images, others, options))
            return real(images, *others, **options)

        processor.image_processor = Stand(real, watched)
        try:
            out = processor(text=[text], images=[[image]], return_tensors="pt")
        finally:
            processor.image_processor = real
        found = PixelCall()
        if len(seen) == 1:
            images, others, options = seen[0]
            nested = isinstance(images, (list, tuple)) and isinstance(images[0], (list, tuple))
            flat = isinstance(images, (list, tuple))
            wrap = (lambda one: [[one]]) if nested else (lambda one: [one]) if flat else (lambda one: one)
            found.call = lambda one: real(wrap(one), *others, **options)
            found.repeats = same_tensors(found.call(image), out)
        return out, found


class Stand:
    """In an image processor's place: calls go elsewhere, all else is its own."""

    def __init__(self, real, call) -> None:
        self._real, self._call = real, call

    def __call__(self, images, *others, **options):
        return self._call(images, *others, **options)

    def __getattr__(self, name: str):
        return getattr(self._real, name)


def same_tensors(some, out) -> bool:
    """Whether every tensor of `out` that isn't about text is in `some`, equal."""
    text = {"input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids", "labels"}
    wanted = {k: v for k, v in out.items() if isinstance(v, torch.Tensor) and k not in text}
    return all(isinstance(some.get(k), torch.Tensor) and torch.equal(some[k], v) for k, v in wanted.items())
