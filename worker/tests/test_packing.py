"""Rows of one image in one sequence: where their tokens are, who attends to whom, and which rows stand together."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from winnow_worker.data import Encoded, Sample
from winnow_worker.families.packing import pack, segment_mask, segments_of
from winnow_worker.sequences import Sequence
from winnow_worker.signals.engine import Engine
from winnow_worker.signals.grouping import SHORT, groups_of

OPENING = [1, 3, 3, 3, 3]  # an image's expansion ends it


def encoded(tail: list[int]) -> Encoded:
    ids = np.array([*OPENING, *tail])
    return Encoded(ids, ids == 3, np.arange(len(ids)) == len(ids) - 1, [(1, len(OPENING))], [0])


def row(tail: list[int]) -> Sequence:
    one = encoded(tail)
    line = np.arange(len(one.ids))
    return Sequence(one.ids, line[None], [], line[-2:-1], one.ids[-1:], {"kind": line % 2}, one)


def test_tokens_keep_their_ids_and_positions_and_see_their_own_row_alone() -> None:
    rows = [row([10, 11]), row([20, 21, 22]), row([30]), row([40, 41])]
    packed = pack([rows[:3], rows[3:]])
    assert packed.which == [0, 0, 0, 1]
    assert packed.sequences[0].ids.tolist() == [*OPENING, 10, 11, 20, 21, 22, 30]
    allowed = segment_mask(torch.from_numpy(segments_of(packed.sequences)), torch.float32)[:, 0] == 0
    assert allowed.any(-1).all()  # padding too: a softmax over nothing is no number
    for r, s in enumerate(rows):
        whole, at = packed.sequences[packed.which[r]], packed.at(r, np.arange(len(s)))
        np.testing.assert_array_equal(whole.ids[at], s.ids)
        np.testing.assert_array_equal(whole.positions[:, at], s.positions)
        np.testing.assert_array_equal(whole.extras["kind"][at], s.extras["kind"])
        for place, token in enumerate(at):
            assert torch.nonzero(allowed[packed.which[r], token])[:, 0].tolist() == at[: place + 1].tolist()
    assert [p.tolist() for p in packed.gathered([s.queries for s in rows])] == [[5, 8, 4], [5]]


def test_rows_stand_together_by_image_and_length() -> None:
    rng = np.random.default_rng(0)
    tails = [rng.integers(1, 70) for _ in range(40)]
    rows = [encoded([9] * n) for n in tails]
    samples = [Sample(i, str(i), [], [f"{i % 5}.png" if i < 30 else f"only{i}.png"]) for i in range(40)]
    groups, lengths = groups_of(list(range(40)), samples, rows, "image", packs=True)
    assert sorted(i for group in groups for i in group) == list(range(40))
    shared = [len(group) > 1 for group in groups]
    assert any(shared) and shared == sorted(shared, reverse=True)
    for group, length in zip(groups, lengths, strict=True):
        assert len({samples[i].images[0] for i in group}) == 1
        behind = sum(tails[i] for i in group)
        assert length == len(OPENING) + behind
        assert len(group) == 1 or behind <= SHORT
    apart, _ = groups_of(list(range(40)), samples, rows, "image", packs=False)
    assert all(len(group) == 1 for group in apart)
    blind, lengths = groups_of(list(range(40)), samples, rows, "drop", packs=True)
    assert lengths == sorted(1 + n for n in tails) and all(len(group) == 1 for group in blind)


def test_a_long_row_waits_for_a_pass_of_its_own() -> None:
    engine = Engine(SimpleNamespace(), batch=8)  # type: ignore[arg-type]
    rows = [encoded([9] * n) for n in [5] * 12 + [60]]
    groups = [[i] for i in range(13)]
    lengths = [len(e.ids) for e in rows]
    assert engine._count(groups, lengths, rows) == 8
    assert engine._count(groups[8:], lengths[8:], rows) == 4
    assert engine._count(groups[12:], lengths[12:], rows) == 1
