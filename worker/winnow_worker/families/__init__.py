"""Model families: one file each, named by the `model_type` of a `config.json`, with a `FAMILY`.

Everything else (rendering, spans, features, losses) is the same code for all of them.
"""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec

from ..data import RowError
from .family import Family, untested


def family_of(model_type: str) -> Family:
    """The family of a `config.json`'s `model_type`; an unknown one is read like LLaVA where its processor allows."""
    if re.fullmatch(r"[a-z0-9_]+", model_type) and find_spec(f"{__name__}.{model_type}"):
        found = getattr(import_module(f".{model_type}", __name__), "FAMILY", None)
        if found:
            return found
    return untested(model_type)


def single_turn(messages: list[dict]) -> tuple[list[dict], str]:
    """Question parts and answer of a conversation of one turn, for models without a chat template."""
    roles = [m["role"] for m in messages]
    if roles != ["user", "assistant"]:
        raise RowError("TURNS_UNSUPPORTED", "this model has no chat template: it takes one question and one answer")
    answer = "".join(p["text"] for p in messages[1]["content"] if p["type"] == "text")
    return messages[0]["content"], answer
