"""Step 1: the vision tower learns what lies in each patch. Both models stand on it."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from .model import CellHeads, build_vision, patch_features, to_pixels
from .world import cell_labels, make_scene, render, scene_rng

STEPS = 3000
BATCH = 24


@torch.no_grad()
def accuracy(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of patches that hold something whose label is right."""
    held = labels > 0
    return float((logits.argmax(-1) == labels)[held].float().mean())


def train_vision(work: Path, seed: int, steps: int = STEPS) -> dict[str, torch.Tensor]:
    """Train the tower on per-cell labels, or load it where it is finished. Returns the state of tower and heads
    (keys `vision.*`, `heads.*`)."""
    path = work / "vision.safetensors"
    if path.exists():
        return load_file(path)
    torch.manual_seed(seed)
    vision, heads = build_vision(), CellHeads()
    params = [*vision.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(params, lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min(1.0, (s + 1) / 100) * (0.05 + 0.475 * (1 + np.cos(np.pi * s / steps)))
    )
    start = time.time()
    for step in range(steps):
        scenes = [make_scene(scene_rng(seed, "vision", step * BATCH + i)) for i in range(BATCH)]
        pixels = to_pixels(np.stack([render(s) for s in scenes]))
        labels = torch.from_numpy(np.stack([cell_labels(s) for s in scenes]))
        loss = heads.loss(patch_features(vision, pixels), labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        schedule.step()
        if step % 200 == 0 or step == steps - 1:
            right = [accuracy(part, labels[..., i]) for i, part in enumerate(heads(patch_features(vision, pixels)))]
            said = " ".join(f"{r:.3f}" for r in right)
            seconds = time.time() - start
            print(f"vision step {step} loss {loss.item():.4f} right {said} seconds {seconds:.0f}", flush=True)
    state = {f"vision.{k}": v for k, v in vision.state_dict().items()}
    state |= {f"heads.{k}": v for k, v in heads.state_dict().items()}
    work.mkdir(parents=True, exist_ok=True)
    save_file(state, path)
    return state
