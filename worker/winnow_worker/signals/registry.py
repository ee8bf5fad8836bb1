"""Every signal by the name that jobs use. A new one is a file and a line here."""

from __future__ import annotations

from typing import Any

from .attended import Magic, ScalSelect
from .attention import Attention
from .base import Signal
from .encoders import ClipEmbedding, Dino, ImageEmbedding, TextEmbedding
from .gradients import Gradients, LastGradient
from .loss import ErrorNorm, Loss, LossTrajectory
from .questions import Dics, Verdict
from .states import Coincide, DataTailor, Hidden, Rds, Visual

SIGNALS = {
    "loss": Loss,
    "loss-trajectory": LossTrajectory,
    "error-norm": ErrorNorm,
    "attention": Attention,
    "hidden": Hidden,
    "rds": Rds,
    "coincide": Coincide,
    "visual": Visual,
    "scalselect": ScalSelect,
    "magic": Magic,
    "datatailor": DataTailor,
    "dics": Dics,
    "cvs": Verdict,
    "gradients": Gradients,
    "last-gradient": LastGradient,
}

# These read an encoder in place of a vision-language model.
EMBEDDINGS = {
    "image-embedding": ImageEmbedding,
    "dino": Dino,
    "clip-embedding": ClipEmbedding,
    "text-embedding": TextEmbedding,
}


def make_signal(name: str, params: dict[str, Any]) -> Signal:
    """A signal of a job; its observer's results go by its name."""
    signal = SIGNALS[name](params)
    signal.name = name
    if signal.observer:
        signal.observer.name = name
    return signal
