"""Every signal by the name that jobs use. A new one is a file and a line here."""

from __future__ import annotations

from .attention import Attention
from .gradients import Gradients, LastGradient
from .loss import ErrorNorm, Loss, LossTrajectory

SIGNALS = {
    "loss": Loss,
    "loss-trajectory": LossTrajectory,
    "error-norm": ErrorNorm,
    "attention": Attention,
    "gradients": Gradients,
    "last-gradient": LastGradient,
}
