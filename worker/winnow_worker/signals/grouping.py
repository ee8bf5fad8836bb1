"""Which rows are read next to each other, and which in one sequence."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..data import Encoded, Sample
from ..sequences import BLIND

# Tokens of several rows that may stand behind a short prefix.
SHORT = 128


class SharedPrefix(NamedTuple):
    """What rows that ask about one image have in common: `ids` up to the image's `end`, and the image."""

    ids: bytes
    image: str
    end: int


def shared_prefix_of(sample: Sample, encoded: Encoded) -> SharedPrefix | None:
    """A row's shared prefix; None where it has no image or several."""
    if len(encoded.blocks) != 1:
        return None
    end = encoded.blocks[0][1]
    return SharedPrefix(encoded.ids[:end].tobytes(), sample.images[encoded.order[0]], end)


def groups_of(
    rows: list[int], samples: list[Sample], encoded: list[Encoded | None], name: str, packs: bool
) -> tuple[list[list[int]], list[int]]:
    """Rows in the order in which to read them, and their lengths: those of like length side by side, so that little is
    padding, and before them those that ask about one image, which are next to each other. With `packs` these are in
    groups, each to be read behind its shared prefix once; all others are groups of their own."""
    prefix = {i: shared_prefix_of(samples[i], encoded[i]) if name == "image" else None for i in rows}
    length = {i: int((~encoded[i].image).sum()) if name in BLIND else len(encoded[i].ids) for i in rows}
    alike: dict[Any, list[int]] = {}
    for i in sorted(rows, key=lambda i: (length[i], i)):
        alike.setdefault(prefix[i] or i, []).append(i)

    def packed(group: list[int]) -> int:
        end = prefix[group[0]].end if prefix[group[0]] else 0
        return sum(length[i] for i in group) - (len(group) - 1) * end

    units = list(alike.values())
    if packs:
        units = [part for group in units for part in divided(group, prefix[group[0]], length)]
        units.sort(key=lambda group: (len(group) == 1, packed(group), group[0]))
        return units, [packed(group) for group in units]
    units.sort(key=lambda group: (len(group) == 1, length[group[-1]], group[0]))
    ordered = [i for group in units for i in group]
    return [[i] for i in ordered], [length[i] for i in ordered]


def divided(rows: list[int], prefix: SharedPrefix | None, length: dict[int, int]) -> list[list[int]]:
    """Rows about one image in groups where what stands behind the shared prefix is together short, or no longer than
    the prefix, or one row's: of a longer one much would be attention to what isn't a row's own."""
    groups: list[list[int]] = []
    used = 0
    for i in rows:
        own = length[i] - prefix.end if prefix else 0
        if groups and used + own <= max(prefix.end, SHORT):
            groups[-1].append(i)
            used += own
        else:
            groups.append([i])
            used = own
    return groups
