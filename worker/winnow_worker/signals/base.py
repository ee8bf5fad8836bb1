"""What a signal and an observer of forward passes are: declared here with their defaults, and never guessed at."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..data import RowError
from ..families.model import Model
from ..sequences import Sequence
from ..shards import Column

if TYPE_CHECKING:
    from ..families.packing import Packed
    from .engine import Engine, ForwardResults


class Observer:
    """Looks into the forward passes of one kind, and says one result a row; None where a row has none.

    `name`: of its results, its own in each reading; its class's, unless a signal names it. `reads`: the pass that it
    looks at. `in_order`: batches are the data set's rows as they come, since padding is part of what is measured.
    `packs`: it takes rows of one image that go through in one sequence. `differentiates`: the states keep their graph.
    `reads_states`: the last states are right at every position; else only where something else asks for them.
    """

    name = ""
    reads = "image"
    in_order = False
    packs = False
    differentiates = False
    reads_states = True

    def __init_subclass__(cls) -> None:
        cls.name = cls.__name__

    def start(self, model: Model) -> None:
        """Called before the first batch of a pass."""

    def observe(self, batch: list[Sequence], states: torch.Tensor) -> list[Any]:
        """One result a row of a batch, from its last states (rows, longest, width)."""
        raise NotImplementedError

    def observe_packed(self, batch: list[Sequence], states: torch.Tensor, packed: Packed) -> list[Any]:
        """As `observe`, of rows that went through as `packed` says."""
        raise NotImplementedError

    def is_finite(self, result: Any) -> bool:
        """Whether a row's result holds finite numbers only."""
        return is_finite(result)

    def stop(self) -> None:
        """Called behind the last batch, whatever happened."""


class Signal:
    """Columns that are measured by forward passes. `params`: all options, as the job says them.

    `passes`: whose losses it reads, all of them in one `ForwardResults`; `errors`: EL2N and AUM too; `per_token`: the
    text of each token; `observer`: what it sees of a pass; `failed`: rows that failed in `ask`.
    """

    name = ""
    passes: list[str] = []
    errors = False
    per_token = False
    observer: Observer | None = None

    def __init__(self, params: dict[str, Any]) -> None:
        self.failed: dict[int, RowError] = {}

    def ask(self, engine: Engine, results: ForwardResults) -> None:
        """Further readings of conversations of its own making."""

    def observed(self, results: ForwardResults) -> list[Any]:
        """What the observer saw, by row."""
        return results.observed[self.observer.name]

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        raise NotImplementedError


def is_finite(result: Any) -> bool:
    """Whether numbers are finite, in arrays and lists too; what isn't measured is no fault."""
    if isinstance(result, np.ndarray):
        return result.dtype.kind != "f" or bool(np.isfinite(result).all())
    if isinstance(result, (tuple, list)):
        return all(is_finite(one) for one in result)
    return not isinstance(result, float) or math.isfinite(result)
