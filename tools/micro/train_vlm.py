"""Step 2: the micro VLM, on the trained vision tower."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .forward import answer_loss, packed_logits
from .heldout import examination, examine
from .model import SIDE, CellHeads, build_vlm, count_parameters, patch_features, to_pixels
from .rows import TrainingBatches
from .save import save_vlm
from .tokenizer import train_tokenizer
from .world import make_scene, render, scene_rng

BATCH = 12
EVERY = 500
CHECK_SCENES = 150


@dataclass(frozen=True)
class Stage:
    """A stretch of training with an optimiser of its own. `first`: number of its first batch of data; `decay`: the
    share at its end over which the rate falls straight to 1 %; `cells`: weight of the tower's per-cell labels."""

    first: int
    steps: int
    rate: float
    warmup: int
    decay: float
    cells: float

    def scale(self, step: int) -> float:
        """Factor of the rate at a step of the stage."""
        fall = (self.steps - step) / (self.decay * self.steps) if self.decay else 1.0
        return min(1.0, (step + 1) / self.warmup) * max(0.01, min(1.0, fall))


# Colours, shapes and counts are learned in the first stage; columns only after `open_places`; comparisons of columns
# in the last, which asks for them in one word.
STAGES = (
    Stage(first=0, steps=4000, rate=1.5e-3, warmup=100, decay=0.0, cells=0.1),
    Stage(first=5000, steps=4400, rate=1.2e-3, warmup=50, decay=0.4, cells=0.0),
    Stage(first=11000, steps=2600, rate=1e-3, warmup=50, decay=0.6, cells=0.0),
    Stage(first=20000, steps=4000, rate=1.2e-3, warmup=50, decay=0.6, cells=0.0),
)


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


@torch.no_grad()
def open_places(model, seed: int, scenes: int = 128, gain: float = 0.7) -> None:
    """Give 16 of the projector's least used units to the column and the row of a patch, read from its feature by least
    squares. The tower keeps them at a hundredth of its variance, too little for the language model to find columns."""
    drawn = [make_scene(scene_rng(seed, "vision", 10**6 + i)) for i in range(scenes)]
    features = patch_features(model.model.vision_tower, to_pixels(np.stack([render(s) for s in drawn]))).flatten(0, 1)
    projector = model.model.multi_modal_projector
    size = projector(features).std(dim=0).mean()
    use = torch.nn.functional.gelu(projector.linear_1(features)).std(dim=0) * projector.linear_2.weight.norm(dim=0)
    spare = use.argsort()[: 2 * SIDE]
    place = torch.arange(SIDE * SIDE).repeat(scenes)
    wanted = torch.cat([torch.nn.functional.one_hot(p, SIDE) for p in (place % SIDE, place // SIDE)], dim=1).float()
    known = torch.cat([features, torch.ones(len(features), 1)], dim=1)
    ridge = 1e-2 * len(features) * features.var(dim=0).min() * torch.eye(known.shape[1])
    solution = torch.linalg.solve(known.T @ known + ridge, known.T @ wanted)
    # 4 (p - 0.4) is 2.4 where the place is right and negative elsewhere: GELU makes it nearly one-hot.
    projector.linear_1.weight[spare] = 4 * solution[:-1].T
    projector.linear_1.bias[spare] = 4 * (solution[-1] - 0.4)
    directions = torch.linalg.qr(torch.randn(projector.linear_2.out_features, 2 * SIDE))[0]
    projector.linear_2.weight[:, spare] = directions * gain * size * projector.linear_2.out_features**0.5 / 2.3


def train_vlm(work: Path, out: Path, vision: dict[str, torch.Tensor], seed: int) -> dict:
    """Train, or go on from `work/vlm.pt`, and save the folder `out`. Prints and returns the accuracy curve."""
    torch.manual_seed(seed)
    tokenizer = train_tokenizer(seed)
    model, heads = build_vlm(tokenizer), CellHeads()
    model.model.vision_tower.load_state_dict(
        {k.removeprefix("vision."): v for k, v in vision.items() if k.startswith("vision.")}
    )
    heads.load_state_dict({k.removeprefix("heads."): v for k, v in vision.items() if k.startswith("heads.")})
    level_projector(model, seed)
    kept = work / "vlm.pt"
    state = torch.load(kept, weights_only=True) if kept.exists() else {"stage": 0, "curve": "[]", "seconds": 0.0}
    curve, start = json.loads(state["curve"]), time.time() - state["seconds"]
    for number, stage in enumerate(STAGES[state["stage"] :], start=state["stage"]):
        if "model" in state:
            model.load_state_dict(state["model"])
        if number == 1 and "optimizer" not in state:
            open_places(model, seed)
        run_stage(model, heads, tokenizer, seed, stage, number, state, curve, start, kept)
        state = {"stage": number + 1, "model": model.state_dict()}
    save_vlm(model, tokenizer, out)
    return {
        "parameters": count_parameters(model),
        "steps": sum(stage.steps for stage in STAGES),
        "batch": BATCH,
        "seconds": round(time.time() - start),
        "curve": curve,
    }


def run_stage(model, heads, tokenizer, seed, stage: Stage, number: int, state: dict, curve: list, start, kept: Path):
    """One stage, from its start or from where `state` stands in it; every EVERY steps it is examined and kept."""
    tower = [*model.model.vision_tower.parameters(), *heads.parameters()]
    known = {id(p) for p in tower}
    rest = [p for p in model.parameters() if id(p) not in known]
    groups = [{"params": rest, "lr": stage.rate}, {"params": tower, "lr": 0.25 * stage.rate}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.02)
    plan = torch.optim.lr_scheduler.LambdaLR(optimizer, stage.scale)
    first = 0
    if "optimizer" in state:
        heads.load_state_dict(state["heads"])
        optimizer.load_state_dict(state["optimizer"])
        plan.load_state_dict(state["plan"])
        first = state["step"]
        print(f"vlm: going on at step {first} of stage {number + 1}", flush=True)
    scenes, exams = examination(seed, CHECK_SCENES)
    data = TrainingBatches(tokenizer, seed, stage.first + stage.steps, BATCH)
    wanted = torch.utils.data.Subset(data, range(stage.first + first, stage.first + stage.steps))
    loader = torch.utils.data.DataLoader(wanted, batch_size=None, num_workers=1, prefetch_factor=4)
    running = None
    for step, batch in enumerate(loader, start=first + 1):
        logits, features = packed_logits(model, batch)
        loss = answer_loss(logits, batch)
        total = loss + stage.cells * heads.loss(features, batch["cells"]) if stage.cells else loss
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        plan.step()
        running = loss.item() if running is None else 0.95 * running + 0.05 * loss.item()
        seconds = time.time() - start
        if step % 50 == 0:
            print(f"vlm stage {number + 1} step {step} loss {running:.4f} seconds {seconds:.0f}", flush=True)
        if step % EVERY == 0 or step == stage.steps:
            done = sum(earlier.steps for earlier in STAGES[:number]) + step
            point = {"stage": number + 1, "step": done, "loss": round(running, 4)}
            point |= {**examine(model, tokenizer, scenes, exams), "seconds": round(time.time() - start)}
            curve.append(point)
            print(f"vlm {json.dumps(point)}", flush=True)
            if step < stage.steps:
                keep = {"stage": number, "step": step, "model": model.state_dict(), "heads": heads.state_dict()}
                keep |= {"optimizer": optimizer.state_dict(), "plan": plan.state_dict()}
            else:
                keep = {"stage": number + 1, "model": model.state_dict()}
            keep |= {"curve": json.dumps(curve), "seconds": time.time() - start}
            torch.save(keep, kept.with_suffix(".tmp"))
            kept.with_suffix(".tmp").replace(kept)
