"""XMAS: singular values of the attention of text rows on image columns (arXiv 2510.01454; spec: selection 1)."""

from __future__ import annotations

import numpy as np
import torch

from ..families.model import Model
from ..families.packing import Packed, segments_of
from ..sequences import Sequence
from ..shards import Column
from .base import Observer, Signal
from .engine import ForwardResults
from .observers import text_after_image

TOP = 5
# Where the published code takes the image to begin and end, and the text to begin.
OFFICIAL_PLACES = (35, 611, 612)


def gram_singular_values(a: torch.Tensor) -> torch.Tensor:
    """All singular values of (..., m, n), largest first, in fp64 through the small Gram matrix."""
    a = a.double()
    gram = a @ a.mT if a.shape[-2] <= a.shape[-1] else a.mT @ a
    return torch.linalg.eigvalsh(gram).clamp_min(0).sqrt().flip(-1)


def top_singular_values(a: torch.Tensor, count: int = TOP) -> torch.Tensor:
    """The largest singular values of (..., m, n); zeros where there are fewer."""
    values = gram_singular_values(a)[..., :count]
    return torch.nn.functional.pad(values, (0, count - values.shape[-1]))


def cross_attention(
    q: torch.Tensor, k: torch.Tensor, text: torch.Tensor, image: torch.Tensor, beyond: torch.Tensor, kv_heads: int
) -> torch.Tensor:
    """softmax_rows(Q K^T / sqrt(width))[text, image] of sequences: over all keys of the text's own row, unmasked, heads
    side by side (paper eq. 4); only the rows that are needed are formed. `q` (batch, L, heads x d), `k` (batch, L,
    kv heads x d); `text` (batch, T) and `image` (batch, I): places; `beyond` (batch, T, L): true at what isn't of the
    text's row. Returns (batch, T, I) in fp32."""
    asked = q.gather(1, text[:, :, None].expand(-1, -1, q.shape[2])).float()
    scores = fold_heads(asked, k, kv_heads) @ k.float().mT / q.shape[2] ** 0.5
    weights = scores.masked_fill_(beyond, float("-inf")).softmax(dim=-1)
    return weights.gather(2, image[:, None].expand(-1, text.shape[1], -1))


def padded(places: list[np.ndarray], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Places of each row side by side, filled up with 0, and where they are real: (rows, longest)."""
    longest = max(len(p) for p in places)
    table = np.zeros((len(places), longest), dtype=np.int64)
    real = np.zeros((len(places), longest), dtype=bool)
    for r, p in enumerate(places):
        table[r, : len(p)], real[r, : len(p)] = p, True
    return torch.from_numpy(table).to(device), torch.from_numpy(real).to(device)


def fold_heads(q: torch.Tensor, k: torch.Tensor, kv_heads: int) -> torch.Tensor:
    """Queries of the heads that share a head of the keys added up: (..., heads x d) to (..., kv heads x d). The sum
    over heads of q . k is the same, for less work than with keys repeated."""
    if q.shape[-1] == k.shape[-1]:
        return q
    return q.unflatten(-1, (kv_heads, -1, k.shape[-1] // kv_heads)).sum(-2).flatten(-2)


class CrossAttention(Observer):
    """A = sum over layers, from what q_proj and k_proj put out; then its five largest singular values."""

    packs = True
    reads_states = False

    def __init__(self, rows: str) -> None:
        self.rows = rows

    def start(self, model: Model) -> None:
        text = model.net.config.get_text_config()
        self.kv_heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
        self.layers: list[dict[str, list[torch.Tensor]]] = []
        self.handles = []
        for layer in model.layers:
            kept: dict[str, list[torch.Tensor]] = {"q_proj": [], "k_proj": []}
            self.layers.append(kept)
            for name in ("q_proj", "k_proj"):
                module = getattr(layer.self_attn, name)
                keep = lambda _m, _i, out, outs=kept[name]: outs.append(out.detach())  # noqa: E731
                self.handles.append(module.register_forward_hook(keep))

    def observe_packed(self, batch: list[Sequence], states: torch.Tensor, packed: Packed) -> list[np.ndarray | None]:
        """All rows together: their text rows and image columns, filled up with places that count as 0."""
        texts = [np.flatnonzero(text_after_image(s, self.rows)) for s in batch]
        rows = [r for r, text in enumerate(texts) if len(text) and batch[r].encoded.image.any()]
        found: list[np.ndarray | None] = [None] * len(batch)
        if rows:
            values = top_singular_values(self.maps(texts, rows, packed, states.device)).float().cpu().numpy()
            for r, one in zip(rows, values, strict=True):
                found[r] = one
        self.forget()
        return found

    def maps(self, texts: list[np.ndarray], rows: list[int], packed: Packed, device: torch.device) -> torch.Tensor:
        """A of some rows, (rows, T, I): formed for the texts of a sequence together, then laid out by row."""
        text, _ = padded(packed.gathered(texts), device)
        image, is_image = padded([np.flatnonzero(s.encoded.image) for s in packed.sequences], device)
        segments = torch.from_numpy(segments_of(packed.sequences)).to(device)
        own = segments.gather(1, text)[:, :, None]
        beyond = (segments[:, None] != own) & (segments[:, None] != 0)
        total: torch.Tensor | float = 0.0
        for kept in self.layers:
            q, k = kept["q_proj"][-1], kept["k_proj"][-1]
            total = total + cross_attention(q, k, text, image, beyond, self.kv_heads)
        total = total.masked_fill(~is_image[:, None], 0.0)
        filled = [number * text.shape[1] for number in range(len(packed.sequences))]
        places = []
        for which, own_text in zip(packed.which, texts, strict=True):
            places.append(np.arange(len(own_text)) + filled[which])
            filled[which] += len(own_text)
        at, is_text = padded([places[r] for r in rows], device)
        return total.flatten(0, 1)[at] * is_text[:, :, None]

    def forget(self) -> None:
        for kept in self.layers:
            for outs in kept.values():
                outs.clear()

    def stop(self) -> None:
        for handle in self.handles:
            handle.remove()


class OfficialAttention(CrossAttention):
    """The published code: roles of q and k swapped, columns 35 to 610 and rows from 612 whatever the template, padding
    included, grouped heads widened scalar by scalar, and a randomised rank-5 sketch. What pads a batch counts, so that
    rows are taken as they come."""

    in_order = True
    packs = False

    def __init__(self, start: int, stop: int, text: int) -> None:
        super().__init__("all")
        self.first, self.last, self.text = start, stop, text
        torch.manual_seed(42)

    def observe(self, batch: list[Sequence], states: torch.Tensor) -> list[np.ndarray | None]:
        found: list[np.ndarray | None] = []
        for r in range(len(batch)):
            total: torch.Tensor | float = 0.0
            for kept in self.layers:
                q, k = kept["q_proj"][-1][r], kept["k_proj"][-1][r]
                total = total + swapped_attention(q, k, self.text, self.first, self.last)
            if min(total.shape) == 0 or not batch[r].encoded.blocks:
                found.append(None)
                continue
            _, values, _ = torch.svd_lowrank(total, q=min(TOP, *total.shape), niter=2)
            found.append(torch.nn.functional.pad(values, (0, TOP - len(values))).cpu().numpy())
        self.forget()
        return found


def swapped_attention(q: torch.Tensor, k: torch.Tensor, text: int, first: int, last: int) -> torch.Tensor:
    """softmax_rows(K Q^T / sqrt(width)) of a row, from `text` on and columns `first` to `last`, in fp32: the published
    code's roles of q (L, width) and k."""
    q, k = q.float(), k.float()
    if q.shape[1] > k.shape[1]:
        k = k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)
    return (k @ q.T / q.shape[1] ** 0.5).softmax(-1)[text:, first:last]


class Attention(Signal):
    """`attention_sv`: five singular values a checkpoint; NaN for rows without an image."""

    name = "attention"

    def __init__(self, params: dict) -> None:
        super().__init__(params)
        official = params["variant"] == "official"
        self.observer = OfficialAttention(*OFFICIAL_PLACES) if official else CrossAttention(params["rows"])

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        nothing = np.full(TOP, np.nan, dtype=np.float32)
        rows = [nothing if row is None else row for row in self.observed(results)]
        return {"attention_sv": Column("f32", TOP, np.stack(rows))}
