"""Every signal by the name that jobs use: each class of this folder that declares one."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from .base import Signal
from .encoders import Embedding


@cache
def known_signals() -> dict[str, type[Signal]]:
    """Signals of a vision-language model."""
    return named(Signal)


@cache
def known_embeddings() -> dict[str, type[Embedding]]:
    """Signals that read an encoder in its place."""
    return named(Embedding)


def named(base: type) -> dict[str, Any]:
    package = __package__ or ""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(module.name)
    found, waiting = {}, list(base.__subclasses__())
    for one in waiting:
        waiting.extend(one.__subclasses__())
        if "name" in vars(one):
            found[one.name] = one
    return found


def make_signal(name: str, params: dict[str, Any]) -> Signal:
    """A signal of a job; its observer's results go by its name."""
    signal = known_signals()[name](params)
    if signal.observer:
        signal.observer.name = name
    return signal
