"""Model families: what differs between vision-language models when they are read by this worker.

Everything else (rendering, spans, features, losses) is the same code for all of them. A family is a record of what its
processor and its forward pass want; a new one is a file or a line in `FAMILIES`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..data import RowError


@dataclass(frozen=True)
class Family:
    """`causal`: nothing attends to what stands behind it. `position_axes`: 3 where positions have time, height and
    width (M-RoPE). `first_position`: of the first token. `prefix_lm`: everything before the answer attends both ways.
    `image_types`: the forward pass is told which tokens are the image's, since those attend both ways.
    `shared_prefix`: what rows have in common up to their image may be computed once. `one_by_one`: images can't be
    stacked for the tower."""

    name: str
    causal: bool = True
    position_axes: int = 1
    first_position: int = 0
    prefix_lm: bool = False
    image_types: bool = False
    shared_prefix: bool = True
    one_by_one: bool = False


FAMILIES = {
    "llava": Family("LLaVA"),
    "llava_next": Family("LLaVA-NeXT"),
    "qwen2_vl": Family("Qwen2-VL", position_axes=3),
    "qwen2_5_vl": Family("Qwen2.5-VL", position_axes=3),
    "qwen3_vl": Family("Qwen3-VL", position_axes=3),
    "internvl": Family("InternVL"),
    "idefics3": Family("Idefics3", one_by_one=True),
    "smolvlm": Family("SmolVLM", one_by_one=True),
    "gemma3": Family("Gemma 3", causal=False, image_types=True, shared_prefix=False),
    "paligemma": Family("PaliGemma", causal=False, first_position=1, prefix_lm=True, shared_prefix=False),
}


def family_of(model_type: str) -> Family:
    """The family of a `config.json`'s `model_type`. An unknown one is read like LLaVA where its processor allows."""
    return FAMILIES.get(model_type, Family(model_type, causal=False, shared_prefix=False, one_by_one=True))


def single_turn(messages: list[dict]) -> tuple[list[dict], str]:
    """Question parts and answer of a conversation of one turn, for models without a chat template."""
    roles = [m["role"] for m in messages]
    if roles != ["user", "assistant"]:
        raise RowError("TURNS_UNSUPPORTED", "this model has no chat template: it takes one question and one answer")
    answer = "".join(p["text"] for p in messages[1]["content"] if p["type"] == "text")
    return messages[0]["content"], answer
