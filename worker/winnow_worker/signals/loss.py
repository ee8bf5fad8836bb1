"""Response losses with and without the image, per token on request; EL2N and AUM; losses along checkpoints."""

from __future__ import annotations

import numpy as np

from ..families.model import Model
from ..shards import Column
from .base import Signal
from .engine import ForwardResults, Tokens

NAN = float("nan")


def means(tokens: list[Tokens | None]) -> np.ndarray:
    return np.array([NAN if t is None else t.mean for t in tokens], dtype=np.float32)


class Loss(Signal):
    """`nll_mm`, and for each variant `nll_blind_<v>` and `necessity_<v>` = blind - with the image (VisNec eq. 3);
    `nll_direct` (IFD) and `nll_image_only` (PreSel) on request."""

    name = "loss"

    def __init__(self, params: dict) -> None:
        super().__init__(params)
        self.blind: list[str] = params["blind"]
        self.per_token: bool = params["perToken"]
        self.further = [name for key, name in (("direct", "direct"), ("imageOnly", "image_only")) if params[key]]
        self.passes = ["image", *self.blind, *self.further]

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        seen = results.tokens["image"]
        mm = means(seen)
        found = {
            "nll_mm": Column("f32", 1, mm),
            "response_tokens": Column("i32", 1, [0 if t is None else len(t.nll) for t in seen]),
            "response_ids": Column("list", 1, [[] if t is None else t.ids for t in seen]),
        }
        for name in self.blind:
            blind = means(results.tokens[name])
            found[f"nll_blind_{name}"] = Column("f32", 1, blind)
            found[f"necessity_{name}"] = Column("f32", 1, blind - mm)
        for name in self.further:
            found[f"nll_{name}"] = Column("f32", 1, means(results.tokens[name]))
        if self.per_token:
            found["token_mm"] = Column("list", 1, [[] if t is None else t.nll for t in seen])
            for name in self.blind:
                rows = results.tokens[name]
                found[f"token_blind_{name}"] = Column("list", 1, [[] if t is None else t.nll for t in rows])
            found["token_texts"] = Column("text", 1, results.texts)
        return found


class LossTrajectory(Signal):
    """`nll_trajectory`: the response loss at each of T checkpoints (S2L, learnability)."""

    name = "loss-trajectory"

    passes = ["image"]

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        return {"nll_trajectory": Column("f32", 1, means(results.tokens["image"]))}


class ErrorNorm(Signal):
    """`el2n` and `aum`, means over response tokens."""

    name = "error-norm"

    passes = ["image"]
    errors = True

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        def mean(pick) -> np.ndarray:
            rows = results.tokens["image"]
            return np.array([NAN if t is None else pick(t).mean() for t in rows], dtype=np.float32)

        return {"el2n": Column("f32", 1, mean(lambda t: t.el2n)), "aum": Column("f32", 1, mean(lambda t: t.aum))}
