"""Step 2: the micro VLM, on the trained vision tower."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch

from .forward import answer_loss, packed_logits
from .heldout import examination, examine
from .model import CellHeads, build_vlm, count_parameters, patch_features, to_pixels
from .rows import TrainingBatches
from .save import save_vlm
from .tokenizer import train_tokenizer
from .world import make_scene, render, scene_rng

STEPS = 4000
BATCH = 12
RATE = 1.5e-3
EVERY = 500
CHECK_SCENES = 150


def schedule(step: int, steps: int) -> float:
    """Warm-up over 100 steps, then constant, then straight down to 1 % over the last 35 %."""
    return min(1.0, (step + 1) / 100, 0.01 + 0.99 * (steps - step) / (0.35 * steps))


@torch.no_grad()
def level_projector(model, seed: int, scenes: int = 64) -> None:
    """Start the projector where it hands on features of even size: fold the features' mean and deviation into its
    first layer, and scale its second so that image tokens are about as large as words."""
    drawn = [make_scene(scene_rng(seed, "vision", 10**6 + i)) for i in range(scenes)]
    features = patch_features(model.model.vision_tower, to_pixels(np.stack([render(s) for s in drawn])))
    projector = model.model.multi_modal_projector
    flat = features.flatten(0, 1)
    mean, deviation = flat.mean(dim=0), flat.std(dim=0) + 1e-3
    weight = torch.randn_like(projector.linear_1.weight) / flat.shape[1] ** 0.5
    projector.linear_1.weight.copy_(weight / deviation)
    projector.linear_1.bias.copy_(-(weight / deviation) @ mean)
    torch.nn.init.normal_(projector.linear_2.weight, std=flat.shape[1] ** -0.5)
    projector.linear_2.bias.zero_()
    out = projector(features).flatten(0, 1)
    size = out.std(dim=0).mean() / 0.2
    projector.linear_2.weight.div_(size)
    projector.linear_2.bias.copy_(-out.mean(dim=0) / size)


def train_vlm(work: Path, out: Path, vision: dict[str, torch.Tensor], seed: int, steps: int = STEPS) -> dict:
    """Train, or go on from `work/vlm.pt`, and save the folder `out`. Prints and returns the accuracy curve."""
    torch.manual_seed(seed)
    tokenizer = train_tokenizer(seed)
    model, heads = build_vlm(tokenizer), CellHeads()
    tower = {k.removeprefix("vision."): v for k, v in vision.items() if k.startswith("vision.")}
    model.model.vision_tower.load_state_dict(tower)
    level_projector(model, seed)
    heads.load_state_dict({k.removeprefix("heads."): v for k, v in vision.items() if k.startswith("heads.")})
    tower_params = [*model.model.vision_tower.parameters(), *heads.parameters()]
    known = {id(p) for p in tower_params}
    rest = [p for p in model.parameters() if id(p) not in known]
    groups = [{"params": rest, "lr": RATE}, {"params": tower_params, "lr": 0.25 * RATE}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.02)
    plan = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: schedule(s, steps))
    first, curve, spent = 0, [], 0.0
    kept = work / "vlm.pt"
    if kept.exists():
        state = torch.load(kept, weights_only=True)
        model.load_state_dict(state["model"])
        heads.load_state_dict(state["heads"])
        optimizer.load_state_dict(state["optimizer"])
        plan.load_state_dict(state["plan"])
        first, curve, spent = state["step"], json.loads(state["curve"]), state["seconds"]
        print(f"vlm: going on at step {first}", flush=True)
    scenes, exams = examination(seed, CHECK_SCENES)
    data = TrainingBatches(tokenizer, seed, steps, BATCH)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.Subset(data, range(first, steps)), batch_size=None, num_workers=1, prefetch_factor=4
    )
    start = time.time() - spent
    running = 0.0
    for step, batch in enumerate(loader, start=first):
        logits, features = packed_logits(model, batch)
        loss = answer_loss(logits, batch)
        (loss + 0.1 * heads.loss(features, batch["cells"])).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        plan.step()
        running = loss.item() if step == first else 0.95 * running + 0.05 * loss.item()
        if step % 50 == 0:
            print(f"vlm step {step} loss {running:.4f} seconds {time.time() - start:.0f}", flush=True)
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            point = {"step": step + 1, "loss": round(running, 4), **examine(model, tokenizer, scenes, exams)}
            point["seconds"] = round(time.time() - start)
            curve.append(point)
            print(f"vlm {json.dumps(point)}", flush=True)
            state = {"model": model.state_dict(), "heads": heads.state_dict(), "optimizer": optimizer.state_dict()}
            state |= {"plan": plan.state_dict(), "step": step + 1, "curve": json.dumps(curve)}
            state["seconds"] = time.time() - start
            torch.save(state, kept.with_suffix(".tmp"))
            kept.with_suffix(".tmp").replace(kept)
    save_vlm(model, tokenizer, out)
    return {
        "parameters": count_parameters(model),
        "steps": steps,
        "batch": BATCH,
        "seconds": round(time.time() - start),
        "curve": curve,
    }
