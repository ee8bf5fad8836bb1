"""XMAS: singular values of the attention of text rows on image columns (arXiv 2510.01454; spec: selection 1)."""

from __future__ import annotations

import numpy as np
import torch

from ..families.model import Model, Sequence
from ..shards import Column
from .engine import Reading
from .observers import behind_image

TOP = 5


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
    q: torch.Tensor, k: torch.Tensor, text: torch.Tensor, image: torch.Tensor, beyond: torch.Tensor
) -> torch.Tensor:
    """softmax_rows(Q K^T / sqrt(width))[text, image] of each row of a batch: over all keys of the row, unmasked, heads
    side by side (paper eq. 4); only the rows that are needed are formed. `q`, `k`: (batch, L, width); `text` (batch, T)
    and `image` (batch, I): places; `beyond` (batch, L): true at padding. Returns (batch, T, I) in fp32."""
    asked = q.gather(1, text[:, :, None].expand(-1, -1, q.shape[2])).float()
    scores = (asked @ k.float().mT / k.shape[2] ** 0.5).masked_fill_(beyond[:, None], float("-inf"))
    return scores.softmax(dim=-1).gather(2, image[:, None].expand(-1, text.shape[1], -1))


def padded(places: list[np.ndarray], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Places of each row side by side, filled up with 0, and where they are real: (rows, longest)."""
    longest = max(len(p) for p in places)
    table = np.zeros((len(places), longest), dtype=np.int64)
    real = np.zeros((len(places), longest), dtype=bool)
    for r, p in enumerate(places):
        table[r, : len(p)], real[r, : len(p)] = p, True
    return torch.from_numpy(table).to(device), torch.from_numpy(real).to(device)


def repeat_heads(x: torch.Tensor, heads: int, kv_heads: int) -> torch.Tensor:
    """Keys of grouped-query attention, each head's block repeated for the queries that share it. (L, kv * d)."""
    width = x.shape[-1] // kv_heads
    blocks = x.reshape(*x.shape[:-1], kv_heads, width)
    return blocks.repeat_interleave(heads // kv_heads, dim=-2).flatten(-2)


class CrossAttention:
    """Observer: A = sum over layers, from what q_proj and k_proj put out; then its five largest singular values."""

    reads = "image"
    looks_at_states = False

    def __init__(self, rows: str) -> None:
        self.rows = rows

    def start(self, model: Model) -> None:
        text = model.net.config.get_text_config()
        heads = text.num_attention_heads
        kv_heads = getattr(text, "num_key_value_heads", None) or heads
        self.layers: list[dict[str, list[torch.Tensor]]] = []
        self.handles = []
        for layer in model.layers:
            kept: dict[str, list[torch.Tensor]] = {"q_proj": [], "k_proj": []}
            self.layers.append(kept)
            for name in ("q_proj", "k_proj"):
                module = getattr(layer.self_attn, name)
                keep = lambda _m, _i, out, outs=kept[name]: outs.append(out.detach())  # noqa: E731
                self.handles.append(module.register_forward_hook(keep))
        self.widen = lambda k: k if heads == kv_heads else repeat_heads(k, heads, kv_heads)

    def see(self, batch: list[Sequence], states: torch.Tensor) -> list[np.ndarray | None]:
        return CrossAttention.see_shared(self, batch, states, 0, [])

    def see_shared(
        self, batch: list[Sequence], states: torch.Tensor, cut: int, openings: list[int]
    ) -> list[np.ndarray | None]:
        """All rows of the batch together: their text rows and image columns, filled up with places that count as 0. The
        text stands behind the `cut`, the image before it, in an opening."""
        spans = [(np.flatnonzero(behind_image(s, self.rows)), np.flatnonzero(s.encoded.image)) for s in batch]
        rows = [r for r, (text, image) in enumerate(spans) if len(text) and len(image)]
        found: list[np.ndarray | None] = [None] * len(batch)
        if rows:
            text, is_text = padded([spans[r][0] - cut for r in rows], states.device)
            image, is_image = padded([spans[r][1] for r in rows], states.device)
            lengths = torch.tensor([len(batch[r]) for r in rows], device=states.device)
            beyond = torch.arange(cut + states.shape[1], device=states.device)[None] >= lengths[:, None]
            total: torch.Tensor | float = 0.0
            for kept in self.layers:
                q, k = kept["q_proj"][-1][rows], kept["k_proj"][-1][rows]
                if cut:
                    k = torch.cat([kept["k_proj"][-2][[openings[r] for r in rows]], k], dim=1)
                k = self.widen(k)
                total = total + cross_attention(q, k, text, image, beyond)
            total = total * (is_text[:, :, None] & is_image[:, None])
            values = top_singular_values(total).float().cpu().numpy()
            for r, one in zip(rows, values, strict=True):
                found[r] = one
        self.forget()
        return found

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
    see_shared = None

    def __init__(self, start: int, stop: int, text: int) -> None:
        super().__init__("all")
        self.first, self.last, self.text = start, stop, text
        torch.manual_seed(42)

    def see(self, batch: list[Sequence], states: torch.Tensor) -> list[np.ndarray | None]:
        found: list[np.ndarray | None] = []
        for r in range(len(batch)):
            total: torch.Tensor | float = 0.0
            for kept in self.layers:
                q, k = kept["q_proj"][-1][r].float(), kept["k_proj"][-1][r].float()
                if q.shape[1] > k.shape[1]:
                    k = k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)
                total = total + (k @ q.T / q.shape[1] ** 0.5).softmax(-1)[self.text :, self.first : self.last]
            if min(total.shape) == 0 or not batch[r].encoded.blocks:
                found.append(None)
                continue
            _, values, _ = torch.svd_lowrank(total, q=min(TOP, *total.shape), niter=2)
            found.append(torch.nn.functional.pad(values, (0, TOP - len(values))).cpu().numpy())
        self.forget()
        return found


class Attention:
    """`attention_sv`: five singular values a checkpoint; NaN for rows without an image."""

    passes: list[str] = []
    errors = False

    def __init__(self, params: dict) -> None:
        if params.get("variant", "paper") == "official":
            first, last, text = params.get("offsets", [35, 611, 612])
            self.observer: CrossAttention = OfficialAttention(first, last, text)
        else:
            self.observer = CrossAttention(params.get("rows", "all"))

    def observers(self) -> list:
        return [self.observer]

    def columns(self, reading: Reading, model) -> dict[str, Column]:
        rows = reading.seen[id(self.observer)]
        nothing = np.full(TOP, np.nan, dtype=np.float32)
        return {"attention_sv": Column("f32", TOP, np.stack([nothing if r is None else r for r in rows]))}
