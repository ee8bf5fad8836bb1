"""What a run leaves on disk: checkpoints for others to read, and the state from which it goes on.

A folder appears under its final name when it is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ..families.model import Model
from ..files import with_path, write_whole

INDEX = "checkpoint-index.json"


def save_checkpoint(run: Path, model: Model, optimizer: torch.optim.Optimizer, about: dict, moments: bool,
                    dtype: torch.dtype) -> dict:  # fmt: skip
    """Write `checkpoint-<step>`: weights, configuration, processor, and on request Adam's moments. `about`: k, step,
    samples_seen, learning_rate, mean_learning_rate (since the checkpoint before). Returns its line of the index."""
    name = f"checkpoint-{about['step']}"

    def fill(folder: Path) -> None:
        weights = {k: v for k, v in model.net.state_dict().items() if k not in model.net.absent_weights}
        state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in weights.items()}
        model.net.save_pretrained(folder, state_dict=state)
        config = folder / "config.json"
        stated = json.loads(config.read_text()) | {"dtype": str(dtype).removeprefix("torch.")}
        config.write_text(json.dumps(stated, indent=2) + "\n")
        model.reader.processor.save_pretrained(folder)
        if moments:
            save_file(adam_state(model.net, optimizer), folder / "optimizer.safetensors")
        (folder / "trainer_state.json").write_text(json.dumps(about) + "\n")

    folder = write_folder(run / name, fill)
    entry = {k: about[k] for k in ("k", "step", "samples_seen")} | {"path": name, "sha256": digest(folder)}
    index = [e for e in read_index(run) if e["k"] != entry["k"]] + [entry]
    write_text(run / INDEX, json.dumps(sorted(index, key=lambda e: e["k"]), indent=1) + "\n")
    return entry


def read_index(run: Path) -> list[dict]:
    return json.loads((run / INDEX).read_text()) if (run / INDEX).exists() else []


def save_state(run: Path, net: torch.nn.Module, optimizer: torch.optim.Optimizer, state: dict) -> None:
    """Write what the next step needs: learning parameters in full precision, moments, cursor."""

    def fill(folder: Path) -> None:
        save_file({n: p.detach().contiguous() for n, p in learning(net)}, folder / "parameters.safetensors")
        save_file(adam_state(net, optimizer), folder / "optimizer.safetensors")
        (folder / "state.json").write_text(json.dumps(state))

    write_folder(run / f"resume-{state['step']}", fill)
    drop_states(run, but=f"resume-{state['step']}")


def drop_states(run: Path, but: str = "") -> None:
    """Remove the states of earlier steps; when a run is finished, all."""
    for folder in run.glob("resume-*"):
        if folder.name != but:
            shutil.rmtree(folder)


def load_state(run: Path, net: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict | None:
    """Take up the newest state; None where there is none."""
    found = sorted(run.glob("resume-*"), key=lambda f: int(f.name.split("-")[1]))
    if not found:
        return None
    folder = found[-1]
    parameters = load_file(folder / "parameters.safetensors")
    moments = load_file(folder / "optimizer.safetensors")
    with torch.no_grad():
        for name, parameter in learning(net):
            parameter.copy_(parameters[name])
            if f"exp_avg.{name}" in moments:
                optimizer.state[parameter] = {
                    "step": moments["step"].clone(),
                    "exp_avg": moments[f"exp_avg.{name}"].to(parameter.device),
                    "exp_avg_sq": moments[f"exp_avg_sq.{name}"].to(parameter.device),
                }
    return json.loads((folder / "state.json").read_text())


def adam_state(net: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Adam's moments by parameter name, and its count of steps."""
    tensors: dict[str, torch.Tensor] = {}
    for name, parameter in learning(net):
        state = optimizer.state.get(parameter)
        if state:
            tensors["step"] = state["step"].detach().cpu().float().reshape(())
            tensors[f"exp_avg.{name}"] = state["exp_avg"].contiguous()
            tensors[f"exp_avg_sq.{name}"] = state["exp_avg_sq"].contiguous()
    return tensors


def learning(net: torch.nn.Module) -> list[tuple[str, torch.nn.Parameter]]:
    return [(n, p) for n, p in net.named_parameters() if p.requires_grad]


def write_folder(final: Path, fill: Callable[[Path], None]) -> Path:
    temporary = final.with_name(f".{final.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        fill(temporary)
        for file in temporary.rglob("*"):
            if file.is_file():
                with file.open("rb+") as handle:
                    os.fsync(handle.fileno())
    except Exception as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise with_path(error, final) from error
    shutil.rmtree(final, ignore_errors=True)
    temporary.rename(final)
    return final


def write_text(path: Path, text: str) -> None:
    write_whole(path, lambda temporary: temporary.write_text(text))


def digest(folder: Path) -> str:
    """SHA-256 over the weights of a checkpoint."""
    total = hashlib.sha256()
    for file in sorted(folder.glob("model*.safetensors")):
        with file.open("rb") as weights:
            while block := weights.read(1 << 22):
                total.update(block)
    return total.hexdigest()
