"""What observers of a forward pass share: hooks that are taken off again, spans of text, attention of chosen rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..families.model import Model
from ..protocol import BAD_JOB, JobError
from ..sequences import Sequence
from .base import Observer

NAME = "winnow_watched"


class Hooked(Observer):
    """An observer with hooks: `kept` holds what they caught in the last pass."""

    def start(self, model: Model) -> None:
        self.kept: dict[Any, torch.Tensor] = {}
        self.handles: list[Any] = []
        self.attach(model)

    def attach(self, model: Model) -> None:
        """Place hooks."""

    def keep(self, key: Any, module: torch.nn.Module, what: str = "output") -> None:
        """Catch what a module puts out (its first tensor), or with `what="input"` what goes in."""

        def take(value: Any) -> None:
            self.kept[key] = (value[0] if isinstance(value, tuple) else value).detach()

        if what == "input":
            self.handles.append(module.register_forward_pre_hook(lambda _m, given: take(given)))
        else:
            self.handles.append(module.register_forward_hook(lambda _m, _i, out: take(out)))

    def row(self, key: Any, r: int, s: Sequence) -> torch.Tensor:
        """What was caught of one row, without padding, in fp32."""
        return self.kept[key][r, : len(s)].float()

    def stop(self) -> None:
        for handle in self.handles:
            handle.remove()


def text_after_image(s: Sequence, which: str = "all") -> np.ndarray:
    """Text behind the first image that belongs to no image: all, the instruction's, or the answer's. (L,) of bool."""
    e = s.encoded
    if not e.blocks:
        return np.zeros(len(s), dtype=bool)
    text = {"all": e.instruction | e.trained, "instruction": e.instruction, "answer": e.trained}[which]
    return text & (np.arange(len(s)) >= e.blocks[0][1])


def take(values: torch.Tensor, mask: np.ndarray) -> torch.Tensor:
    """Rows of (L, d) where a mask is true."""
    return values[torch.from_numpy(np.flatnonzero(mask)).to(values.device)]


def known_layers(model: Model, named: list[int]) -> list[int]:
    """Layers that a job names, which the model has to have."""
    count = len(model.layers)
    unknown = [i for i in named if i >= count]
    if unknown:
        reason = f"the language model has {count} layers, 0 to {count - 1}; there is no layer {unknown[0]}"
        raise JobError(BAD_JOB, "LAYER_UNKNOWN", reason)
    return named


def spread_layers(wanted: list[int], of: int, count: int) -> list[int]:
    """Layers that were named for a model of `of` layers, at the same depth of one of `count`, each once."""
    return list(dict.fromkeys(min(count - 1, layer * count // of) for layer in wanted))


Look = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor | None, float], None]


class Watched:
    """Lets `look(layer, q, k, mask, scaling)` see queries and keys of some layers as attention gets them, rotated:
    q (batch, heads, L, d), k (batch, kv heads, L, d). `mask` is true (or 0) where a query may look; None: causal.
    Several may look at once."""

    looking: list[Watched] = []
    before = ""

    def __init__(self, model: Model, layers: list[int], look: Look) -> None:
        self.modules = {id(model.layers[i].self_attn): i for i in layers}
        self.look, self.config = look, model.language.config
        if not Watched.looking:
            watch_attention()
            Watched.before = self.config._attn_implementation
            self.config._attn_implementation = NAME
        Watched.looking.append(self)

    def remove(self) -> None:
        Watched.looking.remove(self)
        if not Watched.looking:
            self.config._attn_implementation = Watched.before


def watch_attention() -> None:
    """Register the attention that shows its inputs to whoever is looking."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import sdpa_mask

    def watched(module, query, key, value, attention_mask, scaling=None, **options):
        scale = scaling if scaling is not None else query.shape[-1] ** -0.5
        for one in Watched.looking:
            if id(module) in one.modules:
                one.look(one.modules[id(module)], query.detach(), key.detach(), attention_mask, scale)
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)

    AttentionInterface.register(NAME, watched)
    AttentionMaskInterface.register(NAME, sdpa_mask)


def attention_rows(
    q: torch.Tensor, k: torch.Tensor, mask: torch.Tensor | None, scale: float, r: int, at: np.ndarray, length: int
) -> torch.Tensor:
    """Attention of row `r`'s positions `at` on all `length` tokens, (heads, len(at), length), in fp32: only these rows
    of the map are formed. Arguments as `Watched` hands them."""
    rows = torch.from_numpy(at).to(q.device)
    heads, kv_heads = q.shape[1], k.shape[1]
    keys = k[r, :, :length].float().repeat_interleave(heads // kv_heads, dim=0)
    scores = q[r][:, rows].float() @ keys.transpose(1, 2) * scale
    if mask is None:
        open_ = torch.arange(length, device=q.device)[None] <= rows[:, None]
    else:
        part = mask[r if mask.shape[0] > 1 else 0, 0][rows, :length]
        open_ = part if part.dtype == torch.bool else part == 0
    return scores.masked_fill(~open_, float("-inf")).softmax(dim=-1)
