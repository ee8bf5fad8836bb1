"""Rows of one image in one sequence: their shared prefix once, and behind it what each has of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..sequences import Labels, Sequence, placed


@dataclass
class Packed:
    """Rows of a batch as they go through the model together.

    `sequences`: what goes through; of each row, `which` of them it is in, the length of its shared prefix (`cuts`, 0
    where it is alone), and how far what follows has `moved`.
    """

    sequences: list[Sequence]
    which: list[int]
    cuts: list[int]
    moved: list[int]

    def at(self, row: int, positions: np.ndarray) -> np.ndarray:
        """Where positions of a row are in its sequence."""
        return positions + self.moved[row] * (positions >= self.cuts[row])

    def labels(self, batch: list[Sequence], device: torch.device) -> Labels:
        """Labels of the rows, where they are in the sequences."""
        rows = [np.full(len(s.queries), self.which[r]) for r, s in enumerate(batch)]
        return placed(rows, [self.at(r, s.queries) for r, s in enumerate(batch)], batch, device)

    def gathered(self, places: list[np.ndarray]) -> list[np.ndarray]:
        """Positions of every row, by sequence."""
        found: list[list[np.ndarray]] = [[] for _ in self.sequences]
        for row, positions in enumerate(places):
            found[self.which[row]].append(self.at(row, positions))
        return [np.concatenate(some) for some in found]


def pack(groups: list[list[Sequence]]) -> Packed:
    """Lay the rows of each group behind the shared prefix that they share, which ends with their first image."""
    packed = Packed([], [], [], [])
    for number, rows in enumerate(groups):
        cut = rows[0].encoded.blocks[0][1] if len(rows) > 1 else 0
        end = cut
        for s in rows:
            packed.which.append(number)
            packed.cuts.append(cut)
            packed.moved.append(end - cut)
            end += len(s) - cut
        packed.sequences.append(joined(rows, cut) if len(rows) > 1 else rows[0])
    return packed


def joined(rows: list[Sequence], cut: int) -> Sequence:
    """Rows behind the first `cut` tokens of one of them."""
    first, none = rows[0], np.zeros(0, dtype=np.int64)

    def laid(parts: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([parts[0][..., :cut], *(p[..., cut:] for p in parts)], axis=-1)

    return Sequence(
        laid([s.ids for s in rows]),
        laid([s.positions for s in rows]),
        first.images, none, none,
        {key: laid([s.extras[key] for s in rows]) for key in first.extras},
        first.encoded,
        segments=laid([np.where(np.arange(len(s)) < cut, 0, k + 1) for k, s in enumerate(rows)]),
    )  # fmt: skip


def segments_of(sequences: list[Sequence]) -> np.ndarray:
    """Segment of every token, (sequences, longest); a sequence of one row is all shared prefix, and padding is -1."""
    segments = np.full((len(sequences), max(map(len, sequences))), -1, dtype=np.int64)
    for i, s in enumerate(sequences):
        segments[i, : len(s)] = 0 if s.segments is None else s.segments
    return segments


def segment_mask(segments: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Who attends to whom, (batch, 1, L, L), as numbers to add to scores: each to what stands before it in the shared
    prefix (segment 0) and in its own segment."""
    order = torch.arange(segments.shape[1], device=segments.device)
    same = (segments[:, None] == segments[:, :, None]) | (segments[:, None] == 0)
    open_ = same & (order[None] <= order[:, None])
    nothing = torch.zeros(open_.shape, dtype=dtype, device=segments.device)
    return nothing.masked_fill_(~open_, torch.finfo(dtype).min)[:, None]
