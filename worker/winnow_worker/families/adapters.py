"""LoRA adapters of a checkpoint, in PEFT's layout: read, and put beside the layers that they belong to."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from ..protocol import BAD_JOB, JobError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


@dataclass
class Adapter:
    """y' = y + scale B A x, with A (rank, in) and B (out, rank)."""

    a: torch.Tensor
    b: torch.Tensor
    scale: float


def module_name(key: str) -> str:
    """Name of the layer that a tensor of an adapter (or of its optimizer) belongs to."""
    return key.removeprefix("base_model.model.").split(".lora_")[0]


def read_adapters(folder: Path) -> dict[str, Adapter]:
    """Adapters of a folder by the name of their layer; none where it has none. Raises JobError."""
    if not (folder / CONFIG).exists():
        return {}
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    if config.get("use_dora") or config.get("peft_type", "LORA") != "LORA":
        raise JobError(BAD_JOB, "ADAPTER_UNSUPPORTED", f"{folder}: only plain LoRA adapters can be read")
    halves: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in load_file(folder / WEIGHTS).items():
        if ".lora_A." in key or ".lora_B." in key:
            halves.setdefault(module_name(key), {})["a" if ".lora_A." in key else "b"] = tensor.float()
    rank, alpha = config["r"], config["lora_alpha"]
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    return {name: Adapter(h["a"], h["b"], scale) for name, h in halves.items()}


def attach_adapters(net: torch.nn.Module, adapters: dict[str, Adapter], folder: Path) -> None:
    """Let each adapter add to what its layer puts out, in fp32: merged into weights of 16 bits, small ones would be
    rounded away. An adapter without a layer would be lost silently: that raises JobError."""
    layers = dict(net.named_modules())
    missing = [name for name in adapters if name not in layers]
    if missing:
        raise JobError(BAD_JOB, "ADAPTER_UNSUPPORTED", f"{folder}: the model has no layer {missing[0]}")
    for name, adapter in adapters.items():
        device = layers[name].weight.device
        adapter.a, adapter.b = adapter.a.to(device), adapter.b.to(device)

        def add(_module, inputs: tuple, output: torch.Tensor, adapter: Adapter = adapter) -> torch.Tensor:
            more = adapter.scale * (inputs[0].float() @ adapter.a.T) @ adapter.b.T
            return output + more.to(output.dtype)

        layers[name].register_forward_hook(add)
