"""Weights of a model's folder, all of them: what a folder lacks would be drawn at random, and every number with it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from .device import is_out_of_memory
from .protocol import BAD_JOB, JobError

NAMED = 4
# What pools a tower's states: most connectors read the states themselves, and many folders are saved without it.
UNREAD_OF_VLM = re.compile(r"(^|\.)(vision_tower|vision_model|visual)\.(.*\.)?(pooler|head|post_layernorm)\.")
UNREAD_OF_ENCODER = re.compile(r"^(\w+\.)?pooler\.")
# Constants that older versions of transformers saved along, and computes today.
CONSTANTS = re.compile(r"(position_ids|inv_freq|masked_bias|attn\.bias|num_batches_tracked|relative_position_index)$")
# Halves and wrappers that PEFT puts around a layer: base weights in a merged folder have none.
ADAPTED = re.compile(r"\.(lora_\w+|base_layer|modules_to_save)\.")


def load_weights(cls: type, folder: Path, unread: re.Pattern[str] | None = None, **options: Any) -> torch.nn.Module:
    """A model of `cls` (an Auto class) with every weight out of the folder, from safetensors only.

    `unread`: parameters that may be missing, since nothing reads them; they become NaN, so that whatever reads them
    after all is no number. Raises JobError `MODEL_INCOMPLETE` with the names of tensors that the folder lacks, holds in
    another shape, or holds where the configuration has no place for them; `MODEL_UNUSABLE` for what can't be read.
    """
    try:
        net, info = cls.from_pretrained(
            folder, output_loading_info=True, ignore_mismatched_sizes=True, use_safetensors=True,
            trust_remote_code=False, local_files_only=True, **options,
        )  # fmt: skip
    except JobError:
        raise
    except Exception as error:  # noqa: BLE001  readers raise what they like, safetensors a class of its own
        if is_out_of_memory(error) or isinstance(error, ImportError):
            raise
        raise JobError(
            BAD_JOB, "MODEL_UNUSABLE", f"The model in {folder} can't be loaded: {first_line(error)}"
        ) from error
    missing = {n for n in info["missing_keys"] if not CONSTANTS.search(n) and not (unread and unread.search(n))}
    mismatched = {
        str(entry[0]) if isinstance(entry, (tuple, list)) else str(entry) for entry in info["mismatched_keys"]
    }
    homeless = {name for name in info["unexpected_keys"] if belongs(net, name)}
    for what, names in (("lacks", missing), ("has in another shape", mismatched), ("has no place for", homeless)):
        if names:
            raise incomplete(folder, what, names, len(info["unexpected_keys"]) if what == "lacks" else 0)
    absent = set(info["missing_keys"]) - missing
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name in absent:
                parameter.fill_(float("nan"))
    net.absent_weights = frozenset(absent)
    return net


def belongs(net: torch.nn.Module, name: str) -> bool:
    """Whether a tensor that found no place is one of this very model's: a parameter of a layer that it has, or of one
    layer more than it has. Heads for other tasks are not."""
    if CONSTANTS.search(name):
        return False
    if ADAPTED.search(name):
        return True
    modules = modules_of(net)
    owner = name.rpartition(".")[0]
    if owner in modules:
        return True
    numbered = re.search(r"^(.*?)\.(\d+)\.", name)
    return numbered is not None and f"{numbered[1]}.0" in modules and f"{numbered[1]}.{numbered[2]}" not in modules


def modules_of(net: torch.nn.Module) -> set[str]:
    """Names of modules, as they are and as a folder saved from the model inside of a head writes them."""
    prefix = f"{net.base_model_prefix}." if getattr(net, "base_model_prefix", "") else ""
    names = {name for name, _ in net.named_modules() if name}
    return names | {prefix + name for name in names} | {name.removeprefix(prefix) for name in names}


def incomplete(folder: Path, what: str, names: Iterable[str], others: int) -> JobError:
    """An error with the first of the names."""
    ordered = sorted(names)
    shown = ", ".join(ordered[:NAMED]) + (f" and {len(ordered) - NAMED} more" if len(ordered) > NAMED else "")
    end = "." if not others else f"; it holds {others} tensors of other names instead."
    message = {
        "lacks": f"The model in {folder} lacks {len(ordered)} weights that its configuration asks for: {shown}{end}",
        "has in another shape": f"The model in {folder} holds weights of another shape than its configuration says: "
        f"{shown}.",
        "has no place for": f"The model in {folder} holds weights that its configuration has no place for: {shown}. "
        "Its numbers would not be those of the model that was saved.",
    }[what]
    return JobError(BAD_JOB, "MODEL_INCOMPLETE", message)


def first_line(error: BaseException) -> str:
    """An error's own words, cut to one line."""
    text = str(error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__
