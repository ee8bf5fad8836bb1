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
    """All singular values of (m, n), largest first, in fp64 through the small Gram matrix."""
    a = a.double()
    gram = a @ a.T if a.shape[0] <= a.shape[1] else a.T @ a
    return torch.linalg.eigvalsh(gram).clamp_min(0).sqrt().flip(0)


def top_singular_values(a: torch.Tensor, count: int = TOP) -> torch.Tensor:
    """The largest singular values of (m, n); zeros where there are fewer."""
    values = gram_singular_values(a)[:count]
    return torch.nn.functional.pad(values, (0, count - len(values)))


def cross_attention(q: torch.Tensor, k: torch.Tensor, text: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """softmax_rows(Q K^T / sqrt(width))[text, image]: over all keys of the row, unmasked, heads side by side
    (paper eq. 4); only the rows that are needed are formed. `q`, `k`: (L, width)."""
    scores = (q[text].float() @ k.float().T) / k.shape[1] ** 0.5
    return scores.softmax(dim=-1)[:, image]


def repeat_heads(x: torch.Tensor, heads: int, kv_heads: int) -> torch.Tensor:
    """Keys of grouped-query attention, each head's block repeated for the queries that share it. (L, kv * d)."""
    width = x.shape[-1] // kv_heads
    blocks = x.reshape(*x.shape[:-1], kv_heads, width)
    return blocks.repeat_interleave(heads // kv_heads, dim=-2).flatten(-2)


class CrossAttention:
    """Observer: A = sum over layers, from what q_proj and k_proj put out; then its five largest singular values."""

    reads = "image"

    def __init__(self, rows: str) -> None:
        self.rows = rows

    def start(self, model: Model) -> None:
        text = model.net.config.get_text_config()
        heads = text.num_attention_heads
        kv_heads = getattr(text, "num_key_value_heads", None) or heads
        self.layers: list[dict[str, torch.Tensor]] = []
        self.handles = []
        for layer in model.layers:
            kept: dict[str, torch.Tensor] = {}
            self.layers.append(kept)
            for name in ("q_proj", "k_proj"):
                module = getattr(layer.self_attn, name)
                keep = lambda _m, _i, out, n=name, d=kept: d.update({n: out})  # noqa: E731
                self.handles.append(module.register_forward_hook(keep))
        self.widen = lambda k: k if heads == kv_heads else repeat_heads(k, heads, kv_heads)

    def see(self, batch: list[Sequence], states: torch.Tensor) -> list[np.ndarray | None]:
        found: list[np.ndarray | None] = []
        for r, s in enumerate(batch):
            text, image = behind_image(s, self.rows), s.encoded.image
            if not image.any() or not text.any():
                found.append(None)
                continue
            t, i = (torch.from_numpy(np.flatnonzero(m)).to(states.device) for m in (text, image))
            total: torch.Tensor | float = 0.0
            for kept in self.layers:
                q, k = kept["q_proj"][r, : len(s)], self.widen(kept["k_proj"][r, : len(s)])
                total = total + cross_attention(q, k, t, i)
            found.append(top_singular_values(total).float().cpu().numpy())
        for kept in self.layers:
            kept.clear()
        return found

    def stop(self) -> None:
        for handle in self.handles:
            handle.remove()


class OfficialAttention(CrossAttention):
    """The published code: roles of q and k swapped, columns 35 to 610 and rows from 612 whatever the template, padding
    included, grouped heads widened scalar by scalar, and a randomised rank-5 sketch. What pads a batch counts, so that
    rows are taken as they come."""

    in_order = True

    def __init__(self, start: int, stop: int, text: int) -> None:
        super().__init__("all")
        self.first, self.last, self.text = start, stop, text
        torch.manual_seed(42)

    def see(self, batch: list[Sequence], states: torch.Tensor) -> list[np.ndarray | None]:
        found: list[np.ndarray | None] = []
        for r in range(len(batch)):
            total: torch.Tensor | float = 0.0
            for kept in self.layers:
                q, k = kept["q_proj"][r].float(), kept["k_proj"][r].float()
                if q.shape[1] > k.shape[1]:
                    k = k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)
                total = total + (k @ q.T / q.shape[1] ** 0.5).softmax(-1)[self.text :, self.first : self.last]
            if min(total.shape) == 0 or not batch[r].encoded.blocks:
                found.append(None)
                continue
            _, values, _ = torch.svd_lowrank(total, q=min(TOP, *total.shape), niter=2)
            found.append(torch.nn.functional.pad(values, (0, TOP - len(values))).cpu().numpy())
        for kept in self.layers:
            kept.clear()
        return found


class Attention:
    """`attention_sv`: five singular values a checkpoint; NaN for rows without an image."""

    passes = ["image"]
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
