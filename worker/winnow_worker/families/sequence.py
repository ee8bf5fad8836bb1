"""What goes through a model: a row's tokens, and what the language model sees of its images."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from ..data import Encoded


@dataclass
class Features:
    """What the language model sees of an image: (tokens, width), and for deepstack models one such tensor a layer."""

    tokens: torch.Tensor
    deep: list[torch.Tensor] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return sum(t.numel() * t.element_size() for t in [self.tokens, *self.deep])


@dataclass
class Sequence:
    """One row as one pass sees it: only what can be attended to, each token at its own position.

    `ids` (L,), `positions` (axes, L), `images`: features in the order of their tokens, `queries`: the positions whose
    logits predict `labels`, `extras`: further numbers a token. `hidden`: true where a token is there but can't be
    attended to (only where leaving it out would change a sliding window). `segments`: of rows behind a common opening,
    0 in the opening and each row's number behind it (see `packing`).
    """

    ids: np.ndarray
    positions: np.ndarray
    images: list[Features]
    queries: np.ndarray
    labels: np.ndarray
    extras: dict[str, np.ndarray]
    encoded: Encoded
    hidden: np.ndarray | None = None
    segments: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)
