"""Signals of the attention as the model computes it: ScalSelect's representation of what the instruction looks at, and
MAGIC's bridging score and neuron signature."""

from __future__ import annotations

import numpy as np
import torch

from ..families.model import Model
from ..protocol import BAD_JOB, JobError
from ..sequences import Sequence
from ..shards import Column
from .base import Signal
from .engine import ForwardResults
from .observers import Hooked, Watched, attention_rows, known_layers, spread_layers, take
from .states import NAN, stacked

MAGIC_LAYERS, MAGIC_NEURONS, MAGIC_DEPTH = [8, 12, 16, 20], [1, 1, 2, 3], 24


def attended(attention: torch.Tensor, share: float) -> torch.Tensor:
    """Places of the most attended tokens: as many as there are running sums up to `share` of the whole, and one more.
    Ties go to the earlier token. `attention` (n,), fp32."""
    total = attention.sum()
    shares = attention / total if total > 0 else torch.full_like(attention, 1 / len(attention))
    order = torch.argsort(shares, descending=True, stable=True)
    count = int((shares[order].cumsum(0) <= share).sum()) + 1
    return order[:count]


class LookedAt(Hooked):
    """Mean state behind the first layer of the image tokens that hold 90 % of the instruction's attention in it
    (ScalSelect, arXiv 2602.11636)."""

    def __init__(self, share: float) -> None:
        self.share = share

    def attach(self, model: Model) -> None:
        self.keep("states", model.layers[0])
        self.handles.append(Watched(model, [0], lambda _layer, *what: setattr(self, "what", what)))

    def observe(self, batch: list[Sequence], states: torch.Tensor) -> list[np.ndarray | None]:
        found: list[np.ndarray | None] = []
        q, k, mask, scale = self.what
        for r, s in enumerate(batch):
            image, rows = np.flatnonzero(s.encoded.image), np.flatnonzero(s.encoded.instruction)
            if len(image) == 0 or len(rows) == 0:
                found.append(None)
                continue
            rows_map = attention_rows(q, k, mask, scale, r, rows, len(s))
            looked = rows_map[:, :, torch.from_numpy(image).to(q.device)].mean(dim=(0, 1))
            tokens = take(self.row("states", r, s), s.encoded.image)
            found.append(tokens[attended(looked, self.share)].mean(0).cpu().numpy())
        return found


class ScalSelect(Signal):
    """`vision_repr`; NaN without an image."""

    name = "scalselect"

    def __init__(self, params: dict) -> None:
        super().__init__(params)
        self.observer = LookedAt(params["share"])

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        return {"vision_repr": stacked(self.observed(results), model.width)}


class Bridge(Hooked):
    """Of the answer's tokens: attention to the image times its sharpness, and the neurons that are most active
    (MAGIC, arXiv 2605.26004). Layers are named for a model of 24; others take those at the same depth."""

    def __init__(self, layers: list[int], neurons: list[int]) -> None:
        self.named, self.neurons = layers, neurons

    def attach(self, model: Model) -> None:
        spread = spread_layers(MAGIC_LAYERS, MAGIC_DEPTH, len(model.layers))
        self.layers = known_layers(model, self.named) or spread
        self.counts = self.neurons or MAGIC_NEURONS[-len(self.layers) :]
        if len(self.counts) != len(self.layers):
            reason = f"a number of neurons for each of {len(self.layers)} layers is needed, not {len(self.counts)}"
            raise JobError(BAD_JOB, "NEURONS_UNMATCHED", reason)
        self.what: dict[int, tuple] = {}
        self.handles.append(Watched(model, self.layers, lambda layer, *what: self.what.update({layer: what})))
        for i in self.layers:
            self.keep(i, down_projection(model.layers[i]), "input")

    def observe(self, batch: list[Sequence], states: torch.Tensor) -> list[tuple[float, str] | None]:
        found: list[tuple[float, str] | None] = []
        for r, s in enumerate(batch):
            image, answer = np.flatnonzero(s.encoded.image), np.flatnonzero(s.encoded.trained)
            found.append((self.bridging(r, s, image, answer), self.signature(r, s)) if len(image) else None)
        return found

    def bridging(self, r: int, s: Sequence, image: np.ndarray, answer: np.ndarray) -> float:
        columns = torch.from_numpy(image)
        looked: torch.Tensor | float = 0.0
        for i in self.layers:
            rows = attention_rows(*self.what[i], r, answer, len(s))
            looked = looked + rows[:, :, columns.to(rows.device)].mean(0) / len(self.layers)
        return float(sharpness(looked).mean())

    def signature(self, r: int, s: Sequence) -> str:
        """Ids of the most active neurons of each layer: `8:17|12:4|16:3,80|20:1,9,33`."""
        parts = []
        for i, count in zip(self.layers, self.counts, strict=True):
            active = take(self.row(i, r, s), s.encoded.trained).mean(0)
            top = torch.argsort(active, descending=True, stable=True)[:count].tolist()
            parts.append(f"{i}:{','.join(str(n) for n in sorted(top))}")
        return "|".join(parts)


def sharpness(looked: torch.Tensor) -> torch.Tensor:
    """Attention mass on the image times (1 - entropy of its distribution / log N_v), of each row of (n, N_v)."""
    mass = looked.sum(-1)
    share = looked / mass.clamp_min(1e-30)[:, None]
    entropy = -(share * share.clamp_min(1e-30).log()).sum(-1)
    most = np.log(looked.shape[1]) or 1.0
    return mass * (1 - entropy / most)


def down_projection(layer: torch.nn.Module) -> torch.nn.Module:
    """The second linear layer of a decoder layer's MLP: its input is the activation of the neurons."""
    linear = [m for _, m in layer.mlp.named_modules() if isinstance(m, torch.nn.Linear)]
    named = getattr(layer.mlp, "down_proj", None)
    return named if named is not None else linear[-1]


class Magic(Signal):
    """`bridging` and `signature`; nothing without an image."""

    name = "magic"

    def __init__(self, params: dict) -> None:
        super().__init__(params)
        self.observer = Bridge(params["layers"], params["neurons"])

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        rows = self.observed(results)
        return {
            "bridging": Column("f32", 1, np.array([NAN if r is None else r[0] for r in rows], dtype=np.float32)),
            "signature": Column("text", 1, [None if r is None else r[1] for r in rows]),
        }
