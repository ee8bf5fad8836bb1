"""Step 3: the micro CLIP, contrastively, on the trained vision tower."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch

from .captions import caption, near_miss
from .model import CellHeads, build_clip, count_parameters, to_pixels
from .save import save_clip
from .tokenizer import clip_tokenizer, train_tokenizer
from .world import cell_labels, describe, make_scene, render, scene_rng

STEPS = 250
BATCH = 80
RATE = 1e-3
EVERY = 125
CHECK_SCENES = 500
AMONG = 100


class ClipBatches(torch.utils.data.Dataset):
    """Batch number `step`: pictures, cell labels, and token ids of their captions followed by as many near misses."""

    def __init__(self, tokenizer, seed: int, steps: int) -> None:
        self.tokenizer, self.seed, self.steps = tokenizer, seed, steps

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        images, cells, right, wrong = [], [], [], []
        for i in range(BATCH):
            rng = scene_rng(self.seed, "clip", step * BATCH + i)
            scene = make_scene(rng)
            images.append(render(scene))
            cells.append(cell_labels(scene))
            right.append(caption(scene, rng))
            wrong.append(describe(near_miss(scene, rng)))
        text = self.tokenizer(right + wrong, padding=True, return_tensors="pt")
        return {
            "images": torch.from_numpy(np.stack(images)),
            "cells": torch.from_numpy(np.stack(cells)),
            "input_ids": text["input_ids"],
            "attention_mask": text["attention_mask"],
        }


def embed_text(model, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Unit text embeddings, (batch, 64), pooled at the end token."""
    pooled = model.text_model(input_ids=input_ids, attention_mask=attention_mask).pooler_output
    return torch.nn.functional.normalize(model.text_projection(pooled), dim=-1)


def embed_images(model, images: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit image embeddings, (batch, 64), and the patch features below them, (batch, 64, width)."""
    out = model.vision_model(pixel_values=to_pixels(images))
    embeds = torch.nn.functional.normalize(model.visual_projection(out.pooler_output), dim=-1)
    return embeds, out.last_hidden_state[:, 1:]


@torch.no_grad()
def retrieval(model, tokenizer, seed: int, scenes: int = CHECK_SCENES, among: int = AMONG) -> float:
    """The share of held-out pictures whose own description is the nearest among `among` descriptions."""
    training = model.training
    model.eval()
    drawn = [make_scene(scene_rng(seed, "heldout", i)) for i in range(scenes)]
    said = [describe(s) for s in drawn]
    hits = 0
    for start in range(0, scenes, among):
        part = slice(start, start + among)
        text = tokenizer(said[part], padding=True, return_tensors="pt")
        texts = embed_text(model, text["input_ids"], text["attention_mask"])
        images = embed_images(model, np.stack([render(s) for s in drawn[part]]))[0]
        best = (images @ texts.T).argmax(dim=1).tolist()
        hits += sum(said[start + b] == said[start + i] for i, b in enumerate(best))
    model.train(training)
    return hits / scenes


def train_clip(work: Path, out: Path, vision: dict[str, torch.Tensor], seed: int, steps: int = STEPS) -> dict:
    """Train, or go on from `work/clip.pt`, and save the folder `out`. Prints and returns the accuracy curve."""
    torch.manual_seed(seed)
    tokenizer = clip_tokenizer(train_tokenizer(seed))
    model, heads = build_clip(tokenizer), CellHeads()
    tower = {k.removeprefix("vision."): v for k, v in vision.items() if k.startswith("vision.")}
    model.vision_model.load_state_dict({k.removeprefix("vision_model."): v for k, v in tower.items()})
    heads.load_state_dict({k.removeprefix("heads."): v for k, v in vision.items() if k.startswith("heads.")})
    tower_params = [*model.vision_model.parameters(), *heads.parameters()]
    known = {id(p) for p in tower_params}
    rest = [p for p in model.parameters() if id(p) not in known]
    groups = [{"params": rest, "lr": RATE}, {"params": tower_params, "lr": 0.5 * RATE}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.02)
    plan = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min(1.0, (s + 1) / 100) * (0.01 + 0.495 * (1 + np.cos(np.pi * s / steps)))
    )
    first, curve, spent = 0, [], 0.0
    kept = work / "clip.pt"
    if kept.exists():
        state = torch.load(kept, weights_only=True)
        model.load_state_dict(state["model"])
        heads.load_state_dict(state["heads"])
        optimizer.load_state_dict(state["optimizer"])
        plan.load_state_dict(state["plan"])
        first, curve, spent = state["step"], json.loads(state["curve"]), state["seconds"]
        print(f"clip: going on at step {first}", flush=True)
    data = torch.utils.data.Subset(ClipBatches(tokenizer, seed, steps), range(first, steps))
    loader = torch.utils.data.DataLoader(data, batch_size=None, num_workers=1, prefetch_factor=4)
    start = time.time() - spent
    for step, batch in enumerate(loader, start=first):
        texts = embed_text(model, batch["input_ids"], batch["attention_mask"])
        images, features = embed_images(model, batch["images"].numpy())
        logits = model.logit_scale.exp() * images @ texts.T
        target = torch.arange(BATCH)
        to_text = torch.nn.functional.cross_entropy(logits, target)
        to_image = torch.nn.functional.cross_entropy(logits[:, :BATCH].T, target)
        loss = 0.5 * (to_text + to_image)
        (loss + 0.1 * heads.loss(features, batch["cells"])).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        plan.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=float(np.log(100.0)))
        if step % 25 == 0:
            print(f"clip step {step} loss {loss.item():.4f} seconds {time.time() - start:.0f}", flush=True)
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            point = {"step": step + 1, "loss": round(loss.item(), 4), "retrieval": retrieval(model, tokenizer, seed)}
            point["seconds"] = round(time.time() - start)
            curve.append(point)
            print(f"clip {json.dumps(point)}", flush=True)
            state = {"model": model.state_dict(), "heads": heads.state_dict(), "optimizer": optimizer.state_dict()}
            state |= {"plan": plan.state_dict(), "step": step + 1, "curve": json.dumps(curve)}
            state["seconds"] = time.time() - start
            torch.save(state, kept.with_suffix(".tmp"))
            kept.with_suffix(".tmp").replace(kept)
    save_clip(model, tokenizer, out)
    return {
        "parameters": count_parameters(model),
        "steps": steps,
        "batch": BATCH,
        "seconds": round(time.time() - start),
        "curve": curve,
    }
