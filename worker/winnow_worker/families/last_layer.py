"""The last layer of a language model where only some positions are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch


@contextmanager
def last_layer_at(layers: torch.nn.ModuleList, places: torch.Tensor, attends: bool) -> Iterator[None]:
    """Within, the last layer's output projection and MLP, which treat each position by itself, run at `places` alone
    (numbers of positions, rows laid end to end). Other positions come out without meaning; nobody reads them behind
    the last layer. Unless it `attends`, its attention is left out but for queries and keys."""
    attention, mlp = layers[-1].self_attn, layers[-1].mlp
    spared = [attention.o_proj, mlp]
    for module in spared:
        module.forward = partial(run_at, module.forward, places)
    if not attends:
        attention.forward = partial(project, attention)
        spared.append(attention)
    try:
        yield
    finally:
        for module in spared:
            del module.forward


def run_at(forward: Callable[[torch.Tensor], torch.Tensor], places: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """What `forward` makes of (batch, L, d) at some positions, zeros elsewhere."""
    found = forward(x.flatten(0, 1)[places][None])
    whole = found.new_zeros(x.shape[0] * x.shape[1], found.shape[-1])
    whole[places] = found[0]
    return whole.view(*x.shape[:2], -1)


def project(attention: torch.nn.Module, hidden_states: torch.Tensor, *_, **__) -> tuple[torch.Tensor, None]:
    """Queries and keys, for whoever watches them; nothing is attended to."""
    attention.q_proj(hidden_states)
    attention.k_proj(hidden_states)
    return torch.zeros_like(hidden_states), None
