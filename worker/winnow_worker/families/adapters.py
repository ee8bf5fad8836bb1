"""LoRA adapters of a checkpoint, in PEFT's layout: read, and put beside the layers that they belong to."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from ..protocol import BAD_JOB, JobError
from ..weights import first_line

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


@dataclass
class Adapter:
    """y' = y + scale B A x, with A (rank, in) and B (out, rank)."""

    a: torch.Tensor
    b: torch.Tensor
    scale: float


@dataclass
class Adapters:
    """A folder's additions to a model: LoRA by the name of its layer, and parameters that replace the model's own (such
    as a projector that was trained whole beside the LoRA)."""

    layers: dict[str, Adapter] = field(default_factory=dict)
    replaced: dict[str, torch.Tensor] = field(default_factory=dict)


def module_name(key: str) -> str:
    """Name of the layer that a tensor of an adapter (or of its optimizer) belongs to."""
    return key.removeprefix("base_model.model.").split(".lora_")[0]


def read_adapters(folder: Path) -> Adapters:
    """Adapters of a folder; nothing where it has none. Raises JobError for what can't be read whole."""
    if not (folder / CONFIG).exists():
        return Adapters()
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        tensors = load_file(folder / WEIGHTS)
    except Exception as error:  # noqa: BLE001  safetensors raises a class of its own
        raise refused(folder, f"it can't be read: {first_line(error)}", "MODEL_UNUSABLE") from error
    check_kind(folder, config)
    found, halves = Adapters(), {}
    for key, tensor in tensors.items():
        half = re.search(r"\.lora_([AB])\.(\w+\.)?weight$", key)
        if half:
            halves.setdefault(module_name(key), {})[half[1]] = tensor.float()
        elif ".lora_" in key:
            raise refused(folder, f"{key} is no half of a plain LoRA")
        else:
            name = re.sub(r"\.(modules_to_save(\.\w+)?|base_layer)(?=\.)", "", module_name(key))
            found.replaced[name] = tensor
    for name, half in halves.items():
        if half.keys() != {"A", "B"}:
            raise refused(folder, f"of {name} it holds lora_{'A' if 'A' in half else 'B'} alone", "MODEL_INCOMPLETE")
        rank = half["A"].shape[0]
        alpha = by_pattern(config.get("alpha_pattern"), name, config["lora_alpha"])
        scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
        found.layers[name] = Adapter(half["A"], half["B"], scale)
    if not halves:
        raise refused(folder, f"{WEIGHTS} holds no LoRA at all", "MODEL_INCOMPLETE")
    return found


def check_kind(folder: Path, config: dict[str, Any]) -> None:
    """Only plain LoRA over the model's own weights adds up as it is read here."""
    if config.get("use_dora") or config.get("peft_type", "LORA") != "LORA":
        kind = "DoRA" if config.get("use_dora") else config["peft_type"]
        raise refused(folder, f"only plain LoRA adapters can be read, and this is {kind}")
    start = str(config.get("init_lora_weights", ""))
    if re.match(r"(?i)(pissa|olora|corda|loftq)", start):
        raise refused(
            folder, f"it was begun by {start}, which changes the model's own weights; merge it into them first"
        )


def by_pattern(patterns: dict[str, float] | None, name: str, other: float) -> float:
    """A number that the configuration gives to layers by patterns of their names."""
    fits = (value for pattern, value in (patterns or {}).items() if re.match(rf"(.*\.)?({pattern})$", name))
    return next(fits, other)


def attach_adapters(net: torch.nn.Module, adapters: Adapters, folder: Path) -> None:
    """Let each adapter add to what its layer puts out, in fp32: merged into weights of 16 bits, small ones would be
    rounded away. An adapter without a layer, or a layer that lacks its adapter, would be lost silently: that raises
    JobError."""
    modules = dict(net.named_modules())
    unknown = [name for name in adapters.layers if name not in modules]
    if unknown:
        raise refused(folder, f"the model has no layer {unknown[0]}")
    lacking = sorted(wanted_layers(folder, net) - adapters.layers.keys())
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise refused(
            folder, f"it holds no LoRA of {lacking[0]}{more}, which its target_modules name", "MODEL_INCOMPLETE"
        )
    parameters = dict(net.named_parameters())
    for name, tensor in adapters.replaced.items():
        if name not in parameters or parameters[name].shape != tensor.shape:
            raise refused(folder, f"the model has no parameter {name} of shape {list(tensor.shape)}")
        parameters[name].data.copy_(tensor)
    for name, adapter in adapters.layers.items():
        layer = modules[name]
        if (adapter.b.shape[0], adapter.a.shape[1]) != tuple(layer.weight.shape):
            raise refused(folder, f"its LoRA of {name} is of another shape than the layer")
        adapter.a, adapter.b = adapter.a.to(layer.weight.device), adapter.b.to(layer.weight.device)

        def add(_module, inputs: tuple, output: torch.Tensor, adapter: Adapter = adapter) -> torch.Tensor:
            more = adapter.scale * (inputs[0].float() @ adapter.a.T) @ adapter.b.T
            return output + more.to(output.dtype)

        layer.register_forward_hook(add)


def wanted_layers(folder: Path, net: torch.nn.Module) -> set[str]:
    """Layers that the configuration's `target_modules` name, by PEFT's rule; none where it chooses among them in a way
    that is not followed here."""
    if not (folder / CONFIG).exists():
        return set()
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    chosen = any(config.get(key) for key in ("layers_to_transform", "exclude_modules", "target_parameters"))
    targets = config.get("target_modules")
    if chosen or not targets or targets == "all-linear":
        return set()
    linear = [name for name, module in net.named_modules() if isinstance(module, torch.nn.Linear)]
    if isinstance(targets, str):
        return {name for name in linear if re.fullmatch(targets, name)}
    return {name for name in linear if any(name == t or name.endswith(f".{t}") for t in targets)}


def refused(folder: Path, reason: str, code: str = "ADAPTER_UNSUPPORTED") -> JobError:
    return JobError(BAD_JOB, code, f"The adapter in {folder} can't be used: {reason}.")
