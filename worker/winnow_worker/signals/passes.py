"""The ways in which a row is read: with its image, blind in three variants, its answer alone, its answer and image."""

from __future__ import annotations

import numpy as np

from ..data import Encoded, Sample
from ..families.model import Model
from ..families.sequence import Features, Sequence

BLIND = ("masked", "drop", "remove")
BARE = ("direct", "image_only")
PASSES = ("image", *BLIND, *BARE)


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
