"""What a trainer's checkpoint says of its optimizer: Adam's moments by parameter."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from safetensors import safe_open

FILE = "optimizer.safetensors"
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


@lru_cache(maxsize=1)
def read_moments(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """`exp_avg` and `exp_avg_sq` by the name of their parameter; empty where the checkpoint has none."""
    if not (folder / FILE).exists():
        return {}
    moments: dict[str, dict[str, torch.Tensor]] = {"exp_avg": {}, "exp_avg_sq": {}}
    with safe_open(folder / FILE, framework="pt") as file:
        for key in file.keys():  # noqa: SIM118  the handle is no mapping
            moment, _, name = key.partition(".")
            if moment in moments:
                moments[moment][plain_name(name)] = file.get_tensor(key).float().flatten()
    return moments


def plain_name(name: str) -> str:
    """PEFT puts a prefix before a layer's name and the adapter's name before `weight`."""
    return (
        name.removeprefix("base_model.model.")
        .replace(".lora_A.default.", ".lora_A.")
        .replace(".lora_B.default.", ".lora_B.")
    )


def adam_direction(g: torch.Tensor, m: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The step that Adam would take for each row's gradient (n, D): m' / sqrt(v' + eps), m' = b1 m + (1 - b1) g and
    v' = b2 v + (1 - b2) g^2 (LESS, collect_grad_reps.py). No bias correction, epsilon inside the root, and the state
    is the checkpoint's for every row: it is read and never moved."""
    return (BETA_1 * m + (1 - BETA_1) * g) / (BETA_2 * v + (1 - BETA_2) * g * g + EPSILON).sqrt()
