"""Which parameters are the vision tower's, the connector's and the language model's, by model type."""

from __future__ import annotations

import torch

COMPONENTS = ("vision", "connector", "language")

# Runs of path segments. Of two that fit, the longer one counts: Qwen's merger lies inside of its tower.
_PORTS = {
    "vision": ["vision_tower"],
    "connector": ["multi_modal_projector"],
    "language": ["language_model", "lm_head"],
}
_QWEN = {"vision": ["visual"], "connector": ["visual.merger"], "language": ["language_model", "lm_head"]}
_IDEFICS = {"vision": ["vision_model"], "connector": ["connector"], "language": ["text_model", "lm_head"]}
_MAP: dict[str, dict[str, list[str]]] = {
    "llava": _PORTS,
    "llava_next": {**_PORTS, "connector": ["multi_modal_projector", "image_newline"]},
    "gemma3": _PORTS,
    "internvl": _PORTS,
    "paligemma": _PORTS,
    "mistral3": _PORTS,
    "qwen2_vl": _QWEN,
    "qwen2_5_vl": _QWEN,
    "glm4v": _QWEN,
    # Deepstack mergers bring vision features to the language model's width, as the merger does.
    "qwen3_vl": {**_QWEN, "connector": ["visual.merger", "visual.deepstack_merger_list"]},
    "idefics3": _IDEFICS,
    "smolvlm": _IDEFICS,
}


def component_of(model_type: str, name: str) -> str:
    """The component that a parameter belongs to. Raises KeyError for a model type or a name that nothing fits."""
    segments = name.split(".")
    best, length = None, 0
    for component, runs in _MAP[model_type].items():
        for run in runs:
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
