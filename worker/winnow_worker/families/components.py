"""Which parameters are the vision tower's, the connector's and the language model's, by model type."""

from __future__ import annotations

import torch

from .records import record_of

COMPONENTS = ("vision", "connector", "language")


def component_of(model_type: str, name: str) -> str:
    """The component that a parameter belongs to: of two runs of path segments that fit, the longer one counts, since
    Qwen's merger lies inside of its tower. Raises KeyError for a model type or a name that nothing fits."""
    known = (record_of(model_type) or {}).get("components")
    if known is None:
        raise KeyError(model_type)
    segments = name.split(".")
    best, length = None, 0
    for component in COMPONENTS:
        for run in known[component]:
            parts = run.split(".")
            inside = any(segments[i : i + len(parts)] == parts for i in range(len(segments)))
            if inside and len(parts) > length:
                best, length = component, len(parts)
    if best is None:
        raise KeyError(name)
    return best


def freeze(net: torch.nn.Module, model_type: str, trained: list[str]) -> tuple[int, int]:
    """Let only these components learn; the others' modules stay in evaluation mode. Returns trained and frozen numbers.

    Raises KeyError as `component_of` does.
    """
    counts = [0, 0]
    net.train()
    modules = dict(net.named_modules())
    for name, parameter in net.named_parameters():
        learns = component_of(model_type, name) in trained
        parameter.requires_grad_(learns)
        counts[not learns] += parameter.numel()
        if not learns:
            modules[name.rpartition(".")[0]].eval()
    for module in modules.values():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()
    return counts[0], counts[1]
