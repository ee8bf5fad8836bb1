"""A model's processor. Reading images needs nothing of its video part, whose packages may not be there."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def load_processor(folder: Path):
    """The processor of a folder; without its video part where torchvision (or num2words, for SmolVLM) is missing."""
    from transformers import AutoProcessor
    from transformers.utils import is_torchvision_available

    if is_torchvision_available():
        return AutoProcessor.from_pretrained(folder, trust_remote_code=False)
    name = processor_class(folder)
    takes_video = name is not None and "video_processor" in name.get_attributes()
    chosen = without_video(name) if takes_video else AutoProcessor
    return chosen.from_pretrained(folder, trust_remote_code=False)


def processor_class(folder: Path) -> type | None:
    """The class that the folder's files name."""
    import transformers

    for file in ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json"):
        path = folder / file
        name = json.loads(path.read_text(encoding="utf-8")).get("processor_class") if path.exists() else None
        if name:
            return getattr(transformers, name, None)
    return None


def without_video(cls: type) -> type:
    """A processor class that neither loads nor checks a video processor."""
    module = sys.modules[cls.__module__]
    if getattr(module, "num2words", ...) is None:
        module.num2words = str  # SmolVLM spells out the length of videos with it, and refuses to start without it.

    from transformers import ProcessorMixin

    full = cls.get_attributes()
    place = full.index("video_processor")

    class WithoutVideo(cls):
        apply_chat_template = ProcessorMixin.apply_chat_template  # SmolVLM's own asks how many frames a video has

        @classmethod
        def get_attributes(cls) -> list[str]:
            return [name for name in full if name != "video_processor"]

        @classmethod
        def from_args_and_dict(cls, args, processor_dict, **options):
            given = {k: v for k, v in processor_dict.items() if k != "video_processor"}
            return super().from_args_and_dict([*args[:place], None, *args[place:]], given, **options)

        def check_argument_for_proper_class(self, name, argument) -> None:
            """The check looks up video classes, which are not there."""

    WithoutVideo.__name__ = cls.__name__
    return WithoutVideo
