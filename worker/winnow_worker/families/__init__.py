"""Model families: a record of each, which both sides read, and one file here for how the worker runs it, a `FAMILY`.

Everything else (rendering, spans, features, losses) is the same code for all of them.
"""

from __future__ import annotations

import re
from importlib import import_module

from ..data import RowError
from .family import UNTESTED, Family
from .records import record_of


def family_of(model_type: str) -> Family:
    """The family of a `config.json`'s `model_type`; an unknown one is read like LLaVA where its processor allows."""
    record = record_of(model_type)
    if record is None or "components" not in record:
        return UNTESTED
    return import_module(f".{module_of(record['name'])}", __name__).FAMILY


def module_of(name: str) -> str:
    """The file here of the family of that name: `qwen2.5-vl` is in `qwen2_5_vl.py`."""
    return re.sub(r"\W", "_", name)


def single_turn(messages: list[dict]) -> tuple[list[dict], str]:
    """Question parts and answer of a conversation of one turn, for models without a chat template."""
    roles = [m["role"] for m in messages]
    if roles != ["user", "assistant"]:
        raise RowError("TURNS_UNSUPPORTED", "this model has no chat template: it takes one question and one answer")
    answer = "".join(p["text"] for p in messages[1]["content"] if p["type"] == "text")
    return messages[0]["content"], answer
