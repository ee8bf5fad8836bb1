"""Features from hidden states: pooled (SemDeDup, D2, DICS), RDS+, COINCIDE's concept-skill features, PRISM's visual
tokens, DataTailor's spectrum."""

from __future__ import annotations

import numpy as np
import torch

from ..families.model import Model
from ..sequences import Sequence
from ..shards import Column
from .attention import gram_singular_values
from .base import Signal
from .engine import ForwardResults
from .observers import Hooked, known_layers, spread_layers, take, text_after_image

NAN = float("nan")


def stacked(rows: list[np.ndarray | None], width: int) -> Column:
    """Vectors by row; rows without one are NaN, also where no row of the shard has one."""
    nothing = np.full(width, np.nan, dtype=np.float32)
    return Column("f32", width, np.stack([nothing if r is None else r for r in rows]) if rows else nothing[None][:0])


class Pool(Hooked):
    """Mean of the last states over all tokens, text tokens or answer tokens, or the state of the last token."""

    def __init__(self, pool: str) -> None:
        self.pool = pool

    def observe(self, batch: list[Sequence], states: torch.Tensor) -> list[np.ndarray | None]:
        return [self.pooled(s, states[r, : len(s)].float()) for r, s in enumerate(batch)]

    def pooled(self, s: Sequence, states: torch.Tensor) -> np.ndarray:
        if self.pool == "last":
            return states[-1].cpu().numpy()
        e = s.encoded
        mask = {"mean": np.ones(len(s), dtype=bool), "text": e.instruction | e.trained, "answer": e.trained}[self.pool]
        return take(states, mask).mean(0).cpu().numpy()


class Hidden(Signal):
    """`hidden`: pooled last hidden states, behind the last norm."""

    name = "hidden"

    def __init__(self, params: dict) -> None:
        super().__init__(params)
        self.observer = Pool(params["pool"])

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        return {"hidden": stacked(self.observed(results), model.width)}


class WeightedMean(Hooked):
    """Sum over t of t / (1 + ... + L) times the last state of token t, scaled to length 1 (RDS+, arXiv 2503.01807)."""

    def observe(self, batch: list[Sequence], states: torch.Tensor) -> list[np.ndarray | None]:
        found = []
        for r, s in enumerate(batch):
            mean = position_weighted_mean(states[r, : len(s)])
            found.append((mean / mean.norm().clamp_min(1e-12)).cpu().numpy())
        return found


def position_weighted_mean(states: torch.Tensor) -> torch.Tensor:
    """Mean of (L, d), position t from 1 weighted by t, in fp32."""
    weights = torch.arange(1, len(states) + 1, device=states.device, dtype=torch.float32)
    return (weights / weights.sum()) @ states.float()


class Rds(Signal):
    """`rds`: position-weighted mean of the last hidden states."""

    name = "rds"

    def __init__(self, params: dict) -> None:
        super().__init__(params)
        self.observer = WeightedMean()

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        return {"rds": stacked(self.observed(results), model.width)}


class ConceptSkill(Hooked):
    """Per layer [tanh of the mean over image tokens, tanh of the mean over the text behind it] of what attention puts
    out, each of length 1; all layers together of length 1 (COINCIDE, arXiv 2406.10995)."""

    def __init__(self, layers: list[int]) -> None:
        self.named = layers

    def attach(self, model: Model) -> None:
        spread = spread_layers([3, 7, 11, 15, 19], 24, len(model.layers))
        self.layers = known_layers(model, self.named) or spread
        for i in self.layers:
            self.keep(i, model.layers[i].self_attn)

    def observe(self, batch: list[Sequence], states: torch.Tensor) -> list[np.ndarray | None]:
        found: list[np.ndarray | None] = []
        for r, s in enumerate(batch):
            text = text_after_image(s)
            if not text.any():
                found.append(None)
                continue
            halves = []
            for i in self.layers:
                out = self.row(i, r, s)
                halves += [torch.tanh(take(out, mask).mean(0)) for mask in (s.encoded.image, text)]
            units = [half / half.norm().clamp_min(1e-12) for half in halves]
            found.append((torch.cat(units) / len(units) ** 0.5).cpu().numpy())
        return found


class Coincide(Signal):
    """`coincide`: [vision, language] of each layer; NaN without an image."""

    name = "coincide"

    def __init__(self, params: dict) -> None:
        super().__init__(params)
        self.observer = ConceptSkill(params["layers"])

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        return {"coincide": stacked(self.observed(results), 2 * len(self.observer.layers) * model.width)}


class VisualTokens(Hooked):
    """Mean of the image's tokens: as the connector gives them (layer 0), or behind a decoder layer."""

    def __init__(self, layer: int) -> None:
        self.layer = layer

    def attach(self, model: Model) -> None:
        if self.layer:
            self.keep("states", model.layers[known_layers(model, [self.layer - 1])[0]])

    def observe(self, batch: list[Sequence], states: torch.Tensor) -> list[np.ndarray | None]:
        found: list[np.ndarray | None] = []
        for r, s in enumerate(batch):
            if not s.images:
                found.append(None)
                continue
            tokens = take(self.row("states", r, s), s.encoded.image) if self.layer else None
            tokens = torch.cat([f.tokens for f in s.images]).float() if tokens is None else tokens
            found.append(tokens.mean(0).cpu().numpy())
        return found


class Visual(Signal):
    """`visual`: mean visual token (PRISM, arXiv 2502.12119); NaN without an image."""

    name = "visual"

    def __init__(self, params: dict) -> None:
        super().__init__(params)
        self.observer = VisualTokens(params["layer"])

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        return {"visual": stacked(self.observed(results), model.width)}


class Spectrum(Hooked):
    """Normalised entropy and largest share of the singular values of the token states behind the last layer, before the
    last norm (DataTailor, arXiv 2412.06293)."""

    def attach(self, model: Model) -> None:
        self.keep("states", model.layers[-1])

    def observe(self, batch: list[Sequence], states: torch.Tensor) -> list[np.ndarray | None]:
        return [spectrum(self.row("states", r, s)) for r, s in enumerate(batch)]


def spectrum(states: torch.Tensor) -> np.ndarray:
    """[entropy of s / sum s over log of their number, largest of s / sum s], s the singular values of (L, d)."""
    values = gram_singular_values(states)
    share = values / values.sum().clamp_min(1e-12)
    entropy = -(share * share.clamp_min(1e-300).log()).sum() / max(np.log(len(share)), 1e-12)
    return np.array([float(entropy), float(share.max())], dtype=np.float32)


class DataTailor(Signal):
    """`informativeness`, `tau` and `turns`, the number of questions."""

    name = "datatailor"

    def __init__(self, params: dict) -> None:
        super().__init__(params)
        self.observer = Spectrum()

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        both = stacked(self.observed(results), 2).data
        turns = [sum(m["role"] == "user" for m in s.messages) for s in results.samples]
        return {
            "informativeness": Column("f32", 1, both[:, 0].copy()),
            "tau": Column("f32", 1, both[:, 1].copy()),
            "turns": Column("f32", 1, np.array(turns, dtype=np.float32)),
        }
