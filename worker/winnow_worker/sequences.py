"""What a forward pass reads: a row's tokens and the features of its images, with its image or blind, and where in it
the labels are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from .data import Encoded, Sample

if TYPE_CHECKING:
    from .families.model import Model

# The ways in which a row is read: with its image, blind in three variants, its answer alone, its answer and image.
BLIND = ("masked", "drop", "remove")
BARE = ("direct", "image_only")
PASSES = ("image", *BLIND, *BARE)


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
    attended to (only where leaving it out would change a sliding window). `segments`: of rows behind a shared prefix, 0
    in the prefix and each row's number behind it (see `packing`).
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


@dataclass
class Labels:
    """Every label of a batch: the number of its row, the position whose logits predict it, and the label itself."""

    row: torch.Tensor
    at: torch.Tensor
    ids: torch.Tensor


def labels_of(batch: list[Sequence], device: torch.device | str) -> Labels:
    """Labels of sequences that go through the model as they are, row by row."""
    rows = [np.full(len(s.queries), r) for r, s in enumerate(batch)]
    return placed(rows, [s.queries for s in batch], batch, device)


def placed(
    rows: list[np.ndarray], positions: list[np.ndarray], batch: list[Sequence], device: torch.device | str
) -> Labels:
    """Labels of sequences, with the row and the positions that each has where it goes through the model."""
    parts = (rows, positions, [s.labels for s in batch])
    return Labels(*(torch.from_numpy(np.concatenate(part).astype(np.int64)).to(device) for part in parts))


def sequence_of(model: Model, sample: Sample, name: str, encoded: Encoded) -> Sequence:
    """A sample as a pass sees it. `encoded`: the whole conversation, for the passes of `BARE` without its questions.
    Raises RowError."""
    return blind(model, sample, encoded, name) if name in BLIND else whole(model, sample, encoded)


def whole(model: Model, sample: Sample, encoded: Encoded, found: dict[str, Features] | None = None) -> Sequence:
    """The row with its images. `found`: their features, where they are at hand."""
    paths = [sample.images[i] for i in encoded.order]
    found = model.features(paths) if found is None else found
    at = encoded.scored
    return Sequence(
        encoded.ids,
        model.positions(encoded, paths),
        [found[p] for p in paths],
        at - 1,
        encoded.ids[at],
        encoded.extras,
        encoded,
    )


def blind(model: Model, sample: Sample, encoded: Encoded, name: str) -> Sequence:
    """The row without its images. What is masked is left out, which changes nothing: nobody attends to it, and text
    keeps its positions. `masked` hides image tokens only (VisNec's paper); `drop` leaves one masked slot for each
    image's whole expansion (VisNec's code), `remove` nothing: text behind it moves forward.
    """
    hidden, slots = encoded.image.copy(), np.zeros(len(encoded.ids), dtype=bool)
    if name == "masked":
        places = model.positions(encoded, [sample.images[i] for i in encoded.order])
        slots = hidden
    else:
        for start, end in encoded.blocks:
            hidden[start:end] = True
            slots[start] = name == "drop"
        line = np.cumsum(~hidden | slots) - 1 + model.family.first_position
        places = np.broadcast_to(line, (model.family.position_axes, len(line)))
    # Sliding layers count tokens, not positions: there, what is masked has to stay where it is.
    stay = slots if model.window and len(encoded.ids) > model.window else np.zeros_like(slots)
    kept = np.flatnonzero(~hidden | stay)
    up_to = np.cumsum(~hidden | stay)
    at = encoded.scored
    extras = {k: v[kept] for k, v in encoded.extras.items()}
    return Sequence(
        encoded.ids[kept], places[:, kept], [], up_to[at - 1] - 1, encoded.ids[at], extras, encoded,
        hidden=stay[kept] if stay.any() else None,
    )  # fmt: skip
