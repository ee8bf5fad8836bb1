"""The training loop. What each step reads, its rate and where checkpoints fall was planned before; the same plan gives
the same weights, in one go or in many.

The loss of a step is the sum over its trained tokens, however they are cut into micro-batches, divided by their number.
"""

from __future__ import annotations

import gc
import json
import math
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from ..data import Encoded, RowError, Sample, SampleFile
from ..device import DTYPES, is_out_of_memory, pick_device
from ..families.components import freeze
from ..families.model import Model
from ..families.reader import Reader
from ..protocol import BAD_DATA, BAD_JOB, NAN_LOSS, Cancelled, JobError, emit, warn
from ..sequences import labels_of, whole
from .checkpoints import drop_states, learning, load_state, read_index, save_checkpoint, save_state, write_text

LOGIT_ROWS = 2048
BAD_LOSSES = 3
# Rows that can't be read one after another, and none that can.
HOPELESS = 100
SKIPPED = "skipped.jsonl"

Row = tuple[Sample, Encoded]


def run_training(job: dict[str, Any], dry_run: bool) -> None:
    """Train as the plan says, from where an earlier run of the job stopped."""
    device, run = pick_device(job["device"]), Path(job["folder"])
    steps = [json.loads(line) for line in Path(job["plan"]).read_text().splitlines()]
    recipe = job["recipe"]
    path = Path(job["model"]["path"])
    try:
        model = Model(path, Reader(path, Path(job["media_root"])), device, torch.float32)
        counts = freeze(model.net, model.net.config.model_type, recipe["train"])
    except KeyError as error:
        message = f"{path}: no known component of a {model.net.config.model_type} model has {error}"
        raise JobError(BAD_JOB, "MODEL_UNSUPPORTED", message) from error
    except (OSError, ValueError, AttributeError) as error:
        raise JobError(BAD_JOB, "MODEL_UNUSABLE", f"{path}: {error}") from error
    if recipe["gradient_checkpointing"]:
        model.net.gradient_checkpointing_enable({"use_reentrant": False})
    rows = sum(len(m) for s in steps for m in s["micro"])
    emit("plan", steps=len(steps), rows=rows, trained_params=counts[0], frozen_params=counts[1], device=device)
    trainer = Trainer(model, recipe, SampleFile(Path(job["samples"])), run, DTYPES[job["dtype"]])
    if dry_run:
        trainer.gradients(trainer.read(steps[0]["micro"][:1]))
    else:
        trainer.train(steps)


def noted_rows(path: Path, anew: bool) -> set[str]:
    """Ids of rows that an earlier part of the run set aside. A line that was cut when it was killed goes; `anew`: all
    go."""
    kept = []
    if path.exists() and not anew:
        kept = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
        write_text(path, "".join(kept))
    else:
        path.unlink(missing_ok=True)
    return {json.loads(line)["id"] for line in kept}


class Trainer:
    """A model, its optimiser, and the rows it learns from."""

    def __init__(self, model: Model, recipe: dict, samples: SampleFile, run: Path, dtype: torch.dtype) -> None:
        self.model, self.recipe, self.samples, self.run, self.dtype = model, recipe, samples, run, dtype
        # Norms and biases are not drawn towards zero.
        decayed = [p for _, p in learning(model.net) if p.ndim > 1]
        plain = [p for _, p in learning(model.net) if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": recipe["weight_decay"]}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.999), eps=1e-8)
        self.fits = max(1, recipe["micro_batch"])
        self.skipped: set[str] = set()
        self.has_rows = False

    def train(self, steps: list[dict]) -> None:
        """Take every step that is left. Raises Cancelled on a signal, and JobError where the loss is no number."""
        torch.use_deterministic_algorithms(True, warn_only=True)
        state = load_state(self.run, self.model.net, self.optimizer) or {"step": 0, "samples_seen": 0, "bad": 0}
        self.has_rows = state["step"] > 0
        self.skipped = noted_rows(self.run / SKIPPED, anew=not self.has_rows)
        asked = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: asked.append(1))
        saved = time.monotonic()
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(self.read, steps[state["step"]]["micro"]) if state["step"] < len(steps) else None
            for step in steps[state["step"] :]:
                started = time.perf_counter()
                micro = coming.result()
                number = step["step"]
                self.check_rows(micro, is_last=number == len(steps))
                if number < len(steps):
                    coming = ahead.submit(self.read, steps[number]["micro"])
                state["bad"] = self.step(step, micro, state["bad"], started)
                state["step"] = number
                state["samples_seen"] += sum(len(m) for m in step["micro"])
                at_checkpoint = step.get("checkpoint")
                if at_checkpoint:
                    self.checkpoint(at_checkpoint, step, state)
                if number < len(steps) and (
                    at_checkpoint or asked or time.monotonic() - saved > self.recipe["save_seconds"]
                ):
                    save_state(self.run, self.model.net, self.optimizer, state)
                    saved = time.monotonic()
                if asked and number < len(steps):
                    coming.cancel()
                    raise Cancelled
        drop_states(self.run)

    def check_rows(self, micro: list[list[Row]], is_last: bool) -> None:
        """A run that reads no row at all, as with a wrong media root, ends before it has spent much."""
        self.has_rows = self.has_rows or any(micro)
        if self.has_rows or (len(self.skipped) < HOPELESS and not is_last):
            return
        raise JobError(
            BAD_DATA,
            "ROWS_UNREADABLE",
            f"none of the first {len(self.skipped)} rows can be read, the last {self.reason}",
        )

    def checkpoint(self, k: int, step: dict, state: dict) -> None:
        if any(e["k"] == k for e in read_index(self.run)):
            return
        about = {
            "k": k, "step": step["step"], "samples_seen": state["samples_seen"], "learning_rate": step["rate"],
            "mean_learning_rate": step["meanRate"],
        }  # fmt: skip
        entry = save_checkpoint(self.run, self.model, self.optimizer, about, self.recipe["optimizer_state"], self.dtype)
        emit("ckpt", **entry)

    def read(self, micro: list[list[int]]) -> list[list[Row]]:
        """The rows of a step, encoded; those that can't be are left out and noted."""
        found: list[list[Row]] = []
        for places in micro:
            rows = []
            for place in places:
                sample = self.samples[place]
                try:
                    if sample.error:
                        raise sample.error
                    encoded = self.model.reader.encode(sample)
                    for i in encoded.order:
                        self.model.reader.picture(sample.images[i])
                    rows.append((sample, encoded))
                except RowError as error:
                    self.skip(sample, error)
            found.append(rows)
        return found

    def skip(self, sample: Sample, error: RowError) -> None:
        if sample.id in self.skipped:
            return
        self.skipped.add(sample.id)
        self.reason = f"{sample.id}: {error.reason}"
        warn("ROW_SKIPPED", f"{sample.id}: {error.reason}")
        with (self.run / SKIPPED).open("a", encoding="utf-8") as file:
            line = {"row": sample.row, "id": sample.id, "code": error.code, "reason": error.reason}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def step(self, step: dict, micro: list[list[Row]], bad: int, started: float) -> int:
        """One step of the optimiser. Returns how many losses in a row were no numbers."""
        number = step["step"]
        # Whatever draws numbers (dropout) draws the same ones when the run is taken up here.
        torch.manual_seed(self.recipe["seed"] * 1_000_003 + number)
        loss, tokens = self.gradients(micro)
        parameters = [p for _, p in learning(self.model.net)]
        if tokens == 0:
            return bad
        limit = self.recipe["max_grad_norm"] or math.inf
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, limit))
        if math.isfinite(loss) and math.isfinite(norm):
            bad = 0
            for group in self.optimizer.param_groups:
                group["lr"] = step["rate"]
            self.optimizer.step()
        else:
            bad += 1
            warn("LOSS_NOT_FINITE", f"step {number}: loss {loss}, norm of the gradient {norm}; the step was left out")
            if bad >= BAD_LOSSES:
                raise JobError(
                    NAN_LOSS, "LOSS_NOT_FINITE", f"the loss was no number {bad} steps in a row, the last {number}"
                )
        seconds = time.perf_counter() - started
        emit("step", n=number, loss=round(loss, 6), lr=step["rate"], grad_norm=round(norm, 6), tokens=tokens,
             tok_s=round(tokens / seconds, 1), rows=sum(len(m) for m in micro))  # fmt: skip
        return bad

    def gradients(self, micro: list[list[Row]]) -> tuple[float, int]:
        """Gradients of the step's mean loss, and that loss. Micro-batches that don't fit are cut into halves."""
        tokens = sum(len(e.scored) for rows in micro for _, e in rows)
        while True:
            try:
                self.optimizer.zero_grad(set_to_none=True)
                total = 0.0
                for rows in micro:
                    for start in range(0, len(rows), self.fits):
                        nll = self.nll(rows[start : start + self.fits])
                        # Nothing that learns was read where only a connector does and no row has an image.
                        if nll.requires_grad:
                            (nll / tokens).backward()
                        total += float(nll.detach())
                return total / max(tokens, 1), tokens
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error) or self.fits == 1:
                    raise
            self.fits = max(1, self.fits // 2)
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            warn("BATCH_HALVED", f"out of memory: micro-batches of {self.fits} from here on")

    def nll(self, rows: list[Row]) -> torch.Tensor:
        """Sum of the losses of the trained tokens of rows, in nats."""
        model = self.model
        with torch.autocast(model.device.split(":")[0], torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            with torch.set_grad_enabled({"vision", "connector"} & set(self.recipe["train"]) != set()):
                found = model.encode_images([s.images[i] for s, e in rows for i in e.order])
            batch = [whole(model, s, e, found) for s, e in rows]
            states = model.states(batch)
            labels = labels_of(batch, states.device)
            picked = states[labels.row, labels.at]
            parts = zip(picked.split(LOGIT_ROWS), labels.ids.split(LOGIT_ROWS), strict=True)
            # Logits are made again for the backward pass: they are larger than all else.
            return torch.stack([checkpoint(self.losses, x, y, use_reentrant=False) for x, y in parts]).sum()

    def losses(self, states: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(self.model.logits(states), labels, reduction="sum")
